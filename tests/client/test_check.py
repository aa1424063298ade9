"""What `check` says at the start of a session."""

import json


def test_it_is_silent_where_there_is_nothing(laptop):
    done = laptop.run("check")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_counts_and_names_the_next_task_in_one_line(laptop):
    laptop.run("add", "Later", "--priority", "low")
    task = laptop.json("add", "Deploy new\nmonitoring stack", "--priority", "high")

    done = laptop.run("check")

    assert done.returncode == 0
    assert done.stdout == f"2 task(s) pending - Next: #{task['id']} Deploy new monitoring stack\n"


def test_it_counts_only_what_this_instance_could_claim(laptop, desktop):
    """Not what is for others, blocked, scheduled or claimed; but what is for its labels."""
    mine = laptop.json("add", "Mine", "--target", laptop.variables["CLAUDE_INSTANCE"])
    laptop.run("add", "Not mine", "--target", desktop.variables["CLAUDE_INSTANCE"])
    laptop.run("add", "Blocked", "--after", str(mine["id"]))
    laptop.run("add", "Scheduled", "--not-before", "2h")
    laptop.run("add", "For a label", "--target", "gpu")

    without_label = laptop.run("check").stdout
    laptop.run("heartbeat", "--label", "gpu")
    with_label = laptop.run("check").stdout

    assert without_label.startswith("1 task(s) pending - Next: #")
    assert with_label.startswith("2 task(s) pending - Next: #")


def test_it_does_not_count_what_is_paused(laptop):
    laptop.run("add", "Given out", "--project", "a", "--priority", "high")
    laptop.run("add", "Given out too", "--project", "b")
    laptop.run("add", "Paused", "--project", "c")
    laptop.run("pause", "--project", "c")

    one_paused = laptop.run("check").stdout
    laptop.run("pause")
    all_paused = laptop.run("check").stdout

    assert one_paused.startswith("2 task(s) pending - Next: #")
    assert all_paused == ""


def test_it_reminds_of_what_this_instance_has_in_hand(laptop, desktop):
    task = laptop.json("add", "Half done")
    laptop.run("claim")

    here, there = laptop.run("check").stdout, desktop.run("check").stdout

    assert here.startswith(f"In progress here: #{task['id']} Half done")
    assert f"claude-task-client complete {task['id']}" in here
    assert there == ""


def test_a_long_description_is_cut(laptop):
    laptop.run("add", "word " * 200)

    assert len(laptop.run("check").stdout) < 160


def test_json_holds_all_of_it(laptop):
    task = laptop.json("add", "x")

    told = json.loads(laptop.run("check", "--json").stdout)

    assert (told["pending"], told["next"]["id"], told["claims"]) == (1, task["id"], [])


def test_a_wrong_key_breaks_no_session(laptop):
    laptop.variables["ATHENA_API_KEY"] = "ath_wrong_wrong_wrong"

    done = laptop.run("check")

    assert (done.returncode, done.stdout) == (0, "")
    assert len(done.stderr.splitlines()) == 1
    assert laptop.run("check", "--strict").returncode == 1
