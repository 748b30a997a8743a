# SPDX-License-Identifier: MIT
"""The format of programs: README.md describes it. Here it is read and written."""

BLOCKS = ("timeout", "timeout_at", "group", "with")


class Op:
    """One operation: a mark, a name, arguments, and for a block what stands in it."""

    __slots__ = ("mark", "name", "args", "body")

    def __init__(self, mark, name, args=(), body=None):
        self.mark = mark
        self.name = name
        self.args = [str(arg) for arg in args]
        self.body = body

    def lines(self, indent="    "):
        yield indent + " ".join([self.mark, self.name, *self.args])
        if self.body is not None:
            for op in self.body:
                yield from op.lines(indent + "    ")
            yield indent + "- end"


class Program:
    """Task bodies by index; main creates the first `start` of them."""

    __slots__ = ("number", "start", "tasks")

    def __init__(self, number, start, tasks):
        self.number = number
        self.start = start
        self.tasks = tasks

    def text(self):
        lines = [f"program {self.number} {self.start}"]
        for index, body in enumerate(self.tasks):
            lines.append(f"task {index}")
            for op in body:
                lines.extend(op.lines())
        return "\n".join(lines) + "\n"

    def size(self):
        return sum(1 for body in self.tasks for op in body for _ in op.lines())


def parse(lines):
    """Yields the programs that the lines of a file hold."""
    program = None
    blocks = []
    for line in lines:
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[0] == "program":
            if program:
                yield program
            program = Program(int(words[1]), int(words[2]), [])
        elif words[0] == "task":
            program.tasks.append([])
            blocks = [program.tasks[-1]]
        elif words[1] == "end":
            blocks.pop()
        else:
            body = [] if words[1] in BLOCKS else None
            blocks[-1].append(Op(words[0], words[1], words[2:], body))
            if body is not None:
                blocks.append(body)
    if program:
        yield program
