"""A scripted model on loopback that the real `claude` program takes for Anthropic's Messages API.

In a test, sync or async (the server runs on a thread of its own)::

    from tests.fakes.model import ScriptedModel, Say, bash, write

    with ScriptedModel() as model:                  # or the fixture `model`, see fixtures.py
        model.script("fix",
            [write("/w/a.py", "x = 1\n"), bash("make test"), Say("Done.")],   # the first prompt
            [Say("Mended.")],                                                  # the second: a nudge
            auditor=[[verdict_reject], [verdict_approve]],                     # one list a round
        )
        environment = claude_environment(model, home=…, temporary=…)
        subprocess.run([claude_program(), "-p"], input="[script: fix] Do it", env=environment)
        assert model.requests_of("fix")[0].prompt == "[script: fix] Do it"

**Which answer.** The tag `[script: NAME]` in the prompt picks the script; the last tag said counts,
and the tag `default` stands for all others (without such a script the model says "Done."). A script
is one list of steps for each prompt of the conversation. The server keeps no state for it: `turn`
is the number of prompts since the first that carries the tag, `step` the number of model messages
since the last prompt. So a request that is sent again, or a conversation resumed after a restart,
gets the same answer. What lies behind a list's end is answered "Done.".
The auditor has lists of its own (`auditor=`), found by turn + round: round counts the auditor's
conversations for this tag. It is recognised by `is_auditor(request)`, by default: a structured
answer is wanted, or "auditor" stands in what was added to the system prompt.

**Steps**: `Say(text)`, a tool call (`write`, `edit`, `read`, `bash`, `ask`, `structured`, or
`Call(name, input)`), a tuple of those (one message with several blocks), `Reply(blocks, usage=…,
stop_reason=…)`, a function `request -> step`, or trouble:

- `Fail(status, kind, message, headers, times=None, then=step)`: an HTTP error; with `times`, only
  for so many requests of this step, then `then`. `rate_limited(resets_at)`, `overloaded()`,
  `signed_out()` are ready-made.
- `Cut(step, times=None, then=step)`: the connection is cut in the middle of the stream.
- `Silence(started=True)`: nothing more comes (after the stream's first event, or not even headers).
- `Wait(seconds, step)`: a pause before it. `Hold(name, step)`: until `model.release(name)`.

**What tests read**: `model.requests` (each a `Request`: tag, role, turn, step, tries, prompt,
prompts, results of tools, tools offered, session_id, credential, at (monotonic)),
`requests_of(tag, auditor=False)`, `prompts_of(tag)`, `wait_for(condition)`, `await reached(tag,
step=…)`, `first_at(tag)`.

In a process of its own: `python -m tests.fakes.model --port 0 --script FILE.py` (the file has
`def define(model): model.script(…)`) prints the variables for the program, one a line; `GET
/scripted/requests` lists what was asked, `POST /scripted/release/NAME` releases.
"""

from tests.fakes.model.conversation import Request
from tests.fakes.model.program import claude_environment, claude_program
from tests.fakes.model.script import (
    Call,
    Cut,
    Fail,
    Hold,
    Reply,
    Say,
    Script,
    Silence,
    Step,
    Tokens,
    Wait,
    ask,
    bash,
    edit,
    overloaded,
    rate_limited,
    read,
    signed_out,
    structured,
    write,
)
from tests.fakes.model.server import ScriptedModel

__all__ = [
    "Call",
    "Cut",
    "Fail",
    "Hold",
    "Reply",
    "Request",
    "Say",
    "Script",
    "ScriptedModel",
    "Silence",
    "Step",
    "Tokens",
    "Wait",
    "ask",
    "bash",
    "claude_environment",
    "claude_program",
    "edit",
    "overloaded",
    "rate_limited",
    "read",
    "signed_out",
    "structured",
    "write",
]
