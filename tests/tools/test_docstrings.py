from __future__ import annotations

from chat.tools.docstrings import Docstring


def test_the_first_paragraph_is_the_description() -> None:
    assert Docstring.parse("Finds\n    a bird.\n\n    Not this.").description == "Finds a bird."


def test_an_empty_docstring_has_no_description() -> None:
    assert Docstring.parse(None) == Docstring.parse("") == Docstring()


def test_parameters_alone_are_not_a_description() -> None:
    found = Docstring.parse("\n    Args:\n        x: One.\n")
    assert found == Docstring("", {"x": "One."})


def test_parameter_lines_may_continue_and_contain_colons() -> None:
    found = Docstring.parse(
        """Finds a bird.

        Args:
            name (str): Its name: in Latin,
                e.g.: Ardea cinerea
            *others: Not needed.

        Returns:
            count: This is no parameter.
        """
    )
    assert found.parameters == {"name": "Its name: in Latin, e.g.: Ardea cinerea", "others": "Not needed."}
