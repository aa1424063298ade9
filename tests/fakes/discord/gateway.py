"""Discord's gateway, version 10: sessions that identify, beat, miss events and resume."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Final

from aiohttp import WSMsgType, web

from tests.fakes.discord.channel import Channel, Guild
from tests.fakes.discord.jsontypes import Body, Json
from tests.fakes.discord.packing import PACKERS, Packer
from tests.fakes.discord.people import Permission
from tests.fakes.discord.render import guild_create_json, me_json, member_json
from tests.fakes.discord.state import State

BUFFER_MAX: Final = 1000
SESSIONS_MAX: Final = 10

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, RESUME = 0, 1, 2, 3, 6
RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, ACK = 7, 8, 9, 10, 11


class Intent(IntFlag):
    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


NO_INTENTS: Final = Intent(0)
PRIVILEGED: Final = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
_DIRECT: Final = {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"}
_NEEDS: Final = {
    **dict.fromkeys(_DIRECT, Intent.GUILD_MESSAGES),
    "MESSAGE_REACTION_ADD": Intent.GUILD_MESSAGE_REACTIONS,
    "MESSAGE_REACTION_REMOVE": Intent.GUILD_MESSAGE_REACTIONS,
    "GUILD_MEMBER_ADD": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_UPDATE": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": Intent.GUILD_MEMBERS,
}


@dataclass(eq=False)
class Session:
    """What survives a lost connection: the sequence, and the events since."""

    id: str
    intents: Intent
    sequence: int = 0
    sent: deque[tuple[int, Json]] = field(default_factory=lambda: deque(maxlen=BUFFER_MAX))
    connection: Connection | None = None
    presence: Json | None = None

    def dispatch(self, event: str, data: Body) -> None:
        self.sequence += 1
        frame: Json = {"op": DISPATCH, "s": self.sequence, "t": event, "d": data}
        self.sent.append((self.sequence, frame))
        if self.connection is not None:
            self.connection.send(frame)

    def can_resume(self, sequence: int) -> bool:
        oldest = self.sent[0][0] if self.sent else self.sequence + 1
        return oldest - 1 <= sequence <= self.sequence


class Connection:
    """One websocket. Frames go out in order through one queue, whoever sends them."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        packer: Packer | None,
    ) -> None:
        self.socket = socket
        self._transport = transport
        self.session: Session | None = None
        self._packer = packer
        self._queue: asyncio.Queue[Json | int] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())
        self.zombie = False
        self.closed_here = False

    def send(self, frame: Json) -> None:
        if not self.zombie:
            self._queue.put_nowait(frame)

    def close(self, code: int) -> None:
        """Close with that code, after what is queued."""
        self.closed_here = True
        self._queue.put_nowait(code)

    def abort(self) -> None:
        """End it without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def _write(self) -> None:
        while True:
            item = await self._queue.get()
            if isinstance(item, int):
                await self.socket.close(code=item)
                return
            try:
                await self._send(json.dumps(item))
            except (ConnectionError, RuntimeError):
                return

    async def _send(self, text: str) -> None:
        if self._packer is None:
            await self.socket.send_str(text)
        else:
            await self.socket.send_bytes(self._packer.pack(text))

    async def finish(self) -> None:
        if self.closed_here:
            await asyncio.wait([self._writer], timeout=1)
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)


class Gateway:
    """The gateway and its mishaps. Counters tell how often a bot identified and resumed."""

    def __init__(self, state: State, *, heartbeat_seconds: float, privileged: Intent) -> None:
        self._state = state
        self._heartbeat_seconds = heartbeat_seconds
        self.privileged_allowed = privileged
        self.sessions: list[Session] = []
        self.connections: set[Connection] = set()
        self.identifies = 0
        self.resumes = 0
        self.heartbeats = 0
        self.away = False
        self.refusals: deque[int] = deque()
        self.ready_delay_seconds = 0.0

    @property
    def connected(self) -> bool:
        """Whether a bot is signed in right now."""
        return any(session.connection for session in self.sessions)

    # What tests do to it

    def refuse_next(self, close_code: int, times: int = 1) -> None:
        """Answer the next IDENTIFY or RESUME by closing: 4004 bad token, 4014 intents, 4008 …"""
        self.refusals.extend([close_code] * times)

    def drop(self, close_code: int = 4000) -> None:
        """Close every connection with a code."""
        for connection in list(self.connections):
            connection.close(close_code)

    def cut(self) -> None:
        """Break every connection without a word, as a failing network does."""
        for connection in list(self.connections):
            connection.abort()

    def ask_to_reconnect(self) -> None:
        """Opcode 7."""
        self._broadcast({"op": RECONNECT, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Opcode 9."""
        if not resumable:
            for session in self.sessions:
                session.sent.clear()
                session.id = secrets.token_hex(16)
        self._broadcast({"op": INVALID_SESSION, "d": resumable})

    def emit(self, event: str, data: Json) -> None:
        """Send any event, such as one that a client cannot parse."""
        for session in self.sessions:
            session.dispatch(event, data)

    def become_zombie(self) -> None:
        """Keep today's connections open and say nothing more on them, not even ACKs.

        What happens meanwhile is replayed to a bot that notices and resumes.
        """
        for connection in self.connections:
            connection.zombie = True

    def forget_sessions(self) -> None:
        """As after an outage at Discord: nothing can be resumed."""
        for session in self.sessions:
            session.connection = None
        self.sessions.clear()

    def _broadcast(self, frame: Json) -> None:
        for session in self.sessions:
            if session.connection is not None:
                session.connection.send(frame)

    # What happens in the guilds, told to those who may know

    def publish(self, event: str, data: Json, guild: Guild | None, to: Channel | None) -> None:
        bot = self._state.bot
        if guild is not None and bot.id not in guild.members:
            return
        hidden = to is not None and not to.allows(bot, Permission.VIEW_CHANNEL)
        if hidden and event not in ("CHANNEL_DELETE", "CHANNEL_UPDATE", "THREAD_DELETE"):
            return
        for session in self.sessions:
            if _wants(session, event, guild):
                session.dispatch(event, _for(session, event, data, str(bot.id)))

    def deliver(self, interaction: Json) -> int:
        """Send an interaction to the bot; how many sessions got it."""
        for session in self.sessions:
            session.dispatch("INTERACTION_CREATE", interaction)
        return sum(1 for session in self.sessions if session.connection)

    # The wire

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            return web.Response(status=503, text="upstream connect error")
        socket = web.WebSocketResponse(max_msg_size=0, autoping=True)
        await socket.prepare(request)
        compress = request.query.get("compress")
        if compress is not None and compress not in PACKERS:
            self._state.violate("gateway", "connect", f"compress={compress} is not spoken here")
            await socket.close(code=4002)
            return socket
        packer = PACKERS[compress]() if compress else None
        connection = Connection(socket, request.transport, packer)
        self.connections.add(connection)
        try:
            interval = int(self._heartbeat_seconds * 1000)
            connection.send({"op": HELLO, "d": {"heartbeat_interval": interval}})
            await self._listen(connection)
        finally:
            await self._lose(connection)
        return socket

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            frame: Json = json.loads(message.data)
            await self._receive(connection, frame)

    async def _receive(self, connection: Connection, frame: Json) -> None:
        op, data = frame.get("op"), frame.get("d")
        if op not in (IDENTIFY, RESUME):
            self._state.find_secrets(json.dumps(data), f"gateway opcode {op}")
        if op == HEARTBEAT:
            self.heartbeats += 1
            connection.send({"op": ACK, "d": None})
        elif op == IDENTIFY and data:
            await self._identify(connection, data)
        elif op == RESUME and data:
            self._resume(connection, data)
        elif connection.session is None:
            connection.close(4003)
        elif op == PRESENCE:
            connection.session.presence = data
        elif op == REQUEST_MEMBERS and data:
            self._send_members(connection.session, data)
        self._state.changed()

    async def _lose(self, connection: Connection) -> None:
        self.connections.discard(connection)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            left = not connection.closed_here and connection.socket.close_code in (1000, 1001)
            if left and session in self.sessions:
                self.sessions.remove(session)
        await connection.finish()
        self._state.changed()

    def _refused(self, connection: Connection, data: Json) -> bool:
        if self.refusals:
            connection.close(self.refusals.popleft())
            return True
        if str(data.get("token", "")).removeprefix("Bot ") != self._state.token:
            connection.close(4004)
            return True
        return False

    async def _identify(self, connection: Connection, data: Json) -> None:
        self.identifies += 1
        if self._refused(connection, data):
            return
        intents = Intent(int(data.get("intents", 0)))
        if intents & PRIVILEGED & ~self.privileged_allowed:
            connection.close(4014)
            return
        if self.ready_delay_seconds:
            await asyncio.sleep(self.ready_delay_seconds)
        session = Session(secrets.token_hex(16), intents, connection=connection)
        connection.session = session
        # A session that nobody holds any more is forgotten, the oldest first.
        self.sessions = [*[s for s in self.sessions if s.connection][-SESSIONS_MAX:], session]
        session.presence = data.get("presence")
        self._welcome(session)

    def _welcome(self, session: Session) -> None:
        state = self._state
        guilds = [g for g in state.guilds.values() if state.bot.id in g.members]
        ready: Json = {
            "v": 10,
            "user": me_json(state.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": state.base_url.replace("http://", "ws://") + "/gateway",
            "private_channels": [],
            "application": {"id": str(state.application_id), "flags": 0},
        }
        session.dispatch("READY", ready)
        if session.intents & Intent.GUILDS:
            for guild in guilds:
                session.dispatch("GUILD_CREATE", guild_create_json(guild, state.bot))

    def _resume(self, connection: Connection, data: Json) -> None:
        self.resumes += 1
        if self._refused(connection, data):
            return
        session = next((s for s in self.sessions if s.id == data.get("session_id")), None)
        sequence = int(data.get("seq") or 0)
        if session is None or not session.can_resume(sequence):
            connection.send({"op": INVALID_SESSION, "d": False})
            return
        connection.session, session.connection = session, connection
        for number, frame in list(session.sent):
            if number > sequence:
                connection.send(frame)
        session.dispatch("RESUMED", {})

    def _send_members(self, session: Session, data: Json) -> None:
        guild = self._state.guilds.get(int(data["guild_id"]))
        if guild is None:
            return
        wanted = {int(i) for i in data.get("user_ids") or []}
        prefix = str(data.get("query") or "").lower()
        found = [
            member_json(member)
            for member in guild.members.values()
            if (member.user.id in wanted if wanted else member.user.name.startswith(prefix))
        ]
        chunk: Json = {
            "guild_id": str(guild.id),
            "members": found,
            "chunk_index": 0,
            "chunk_count": 1,
            "nonce": data.get("nonce"),
        }
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)


def _wants(session: Session, event: str, guild: Guild | None) -> bool:
    if guild is None and event in _DIRECT:
        return bool(session.intents & Intent.DIRECT_MESSAGES)
    return bool(session.intents & _NEEDS.get(event, Intent.GUILDS))


def _for(session: Session, event: str, data: Json, bot_id: str) -> Json:
    """Without MESSAGE_CONTENT a message's words are blank, save own ones, mentions and DMs."""
    if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        return data
    known = session.intents & Intent.MESSAGE_CONTENT or "guild_id" not in data
    own = data["author"]["id"] == bot_id
    mentioned = any(user["id"] == bot_id for user in data["mentions"])
    if known or own or mentioned:
        return data
    return {**data, "content": "", "embeds": [], "attachments": [], "components": []}
