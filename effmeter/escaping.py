"""Texts made safe to show: on a terminal, in a log, in a table.

Names, labels and reasons come from run files, paths and other programs. A text among them can
hold sequences that clear a terminal, set its title or change the order of what is read. Every
text that effmeter shows goes through ``printable``.
"""


def printable(text: str) -> str:
    """The text with everything that is not a visible character escaped, as Python writes it.

    These are the control characters (C0 and C1), the characters without width and those that
    change the direction of text, line separators, and lone surrogates, which stand for the bytes
    of a file name that is not UTF-8. Applying it twice changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
