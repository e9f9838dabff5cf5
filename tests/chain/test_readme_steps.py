"""How the tour's text is read: what is promised, and what counts as shown."""

from tests.chain.test_readme import Step, missing, steps, tour


def test_a_block_of_output_belongs_to_the_commands_before_it() -> None:
    text = "a\n```sh\none\ntwo\n```\nb\n```text\nshown\n```\n```sh\ncatalog serve\n```\n"
    assert steps(text) == [Step("one\ntwo\n", ("shown",)), Step("catalog serve\n")]
    assert [step.starts_a_server for step in steps(text)] == [False, True]


def test_promised_lines_come_in_order_and_may_leave_something_open() -> None:
    said = "isrc  X   Low Tide\n7 rows in 11 tables are equal, digest abc\n"
    assert missing(("isrc X …Tide", "… rows in 11 tables are equal, digest …"), said) == []
    assert missing(("7 rows …", "isrc X …"), said) == ["isrc X …"]
    assert missing(("isrc Y",), said) == ["isrc Y"]


def test_the_tour_promises_something() -> None:
    assert sum(len(step.outputs) for step in tour()) > 5
