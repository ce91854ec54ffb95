"""How every command ends when its words are wrong."""

from tests.unit.cli.commands import command


def test_wrong_words_are_a_sentence_and_no_traceback(capsys):
    """An option that there is not, and one that is missing, end with code 2 and what is wrong."""
    for words in (["health", "--bogus"], ["decide"], ["nonsense"]):
        done = command(capsys, *words)
        assert (done.code, done.out) == (2, "")
        assert "Traceback" not in done.err
        assert len(done.err.splitlines()) == 1
