"""Server-sent events, however they are cut."""

import pytest

from claude_task_client.errors import NotAthena
from claude_task_client.streaming import Frame, FrameReader, event

STREAM = (
    b": hello\n\n"
    b'id: 7\nevent: task.submitted\ndata: {"id": 7, "data": {"d": "a\xe2\x80\xa8b"}}\n\n'
    b'id: 8\r\nevent: task.claimed\r\ndata: {"id":\r\ndata: 8}\r\n\r\n'
)


@pytest.mark.parametrize("size", [1, 2, 7, len(STREAM)])
def test_frames_are_the_same_wherever_the_pieces_are_cut(size):
    """Only line feeds end a line: U+2028 inside a text does not."""
    reader = FrameReader()
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]

    frames = [frame for piece in pieces for frame in reader.feed(piece)]

    assert frames == [
        Frame("7", "task.submitted", '{"id": 7, "data": {"d": "a\u2028b"}}'),
        Frame("8", "task.claimed", '{"id":\n8}'),
    ]


def test_a_frame_without_data_only_moves_the_position():
    reader = FrameReader("3")

    frames = list(reader.feed(b"id: 9\n\n"))

    assert frames == []
    assert reader.last_event_id == "9"


def test_an_event_takes_its_type_from_the_frame_where_the_json_has_none():
    """`reset` says that the log no longer reaches back to where the reader was."""
    told = event(Frame("12", "reset", "{}"))

    assert (told.type, told.id, dict(told.data)) == ("reset", None, {})


def test_a_stream_of_something_else_is_not_athenas():
    with pytest.raises(NotAthena):
        event(Frame(None, "message", "<html>"))
    with pytest.raises(NotAthena):
        list(FrameReader().feed(b"x" * (5 * 1024 * 1024)))
