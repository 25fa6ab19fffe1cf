"""What the readers of single values raise: a message and a remedy, carried through pydantic to the list of problems."""

from suanwang.errors import Message


class Wrong(ValueError):
    """A value that cannot be read; pydantic adds the path."""

    def __init__(self, message: Message, remedy: Message) -> None:
        super().__init__(str(message))
        self.message = message
        self.remedy = remedy
