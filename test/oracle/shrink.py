# SPDX-License-Identifier: MIT
"""Makes a failing program small: delta debugging over its tasks, operations and arguments."""

from program import Op, Program


def copy(program):
    return Program(program.number, program.start, [copy_ops(body) for body in program.tasks])


def copy_op(op):
    return Op(op.mark, op.name, op.args, None if op.body is None else copy_ops(op.body))


def copy_ops(ops):
    return [copy_op(op) for op in ops]


def places(program):
    """Every operation as (the list it stands in, its index), outer ones before what they hold."""

    def walk(ops):
        for index, op in enumerate(ops):
            yield ops, index
            if op.body is not None:
                yield from walk(op.body)

    return [place for body in program.tasks for place in walk(body)]


def without(program, first, count):
    """A copy without `count` of its operations, from the first on."""
    smaller = copy(program)
    doomed = [ops[index] for ops, index in places(smaller)[first : first + count]]
    for ops in {id(ops): ops for ops, _ in places(smaller)}.values():
        ops[:] = [op for op in ops if not any(op is gone for gone in doomed)]
    return smaller


def chunks(program):
    """Copies without a half of the operations, a quarter, and so on to single ones."""
    total = len(places(program))
    size = total
    while size >= 1:
        for first in range(0, total, size):
            yield without(program, first, size)
        size //= 2


def unwrapped(program):
    """Copies where what stands in a block stands there without it."""
    for number, (ops, index) in enumerate(places(program)):
        if ops[index].body is not None:
            smaller = copy(program)
            ops, index = places(smaller)[number]
            ops[index : index + 1] = ops[index].body
            yield smaller


# From which argument on they can be left out, and which is a time.
OPTIONAL = {"cancel": 1, "create": 1, "spawn": 2, "gather": 2, "wait": 3}
TIMES = {"sleep": 0, "timeout": 1, "wait": 1, "wait_for": 1, "reschedule": 1}


def simpler_ops(op):
    def with_args(args):
        return Op(op.mark, op.name, args, op.body)

    if op.mark != "-":
        yield Op("-", op.name, op.args, op.body)
    for index in range(OPTIONAL.get(op.name, len(op.args)), len(op.args)):
        yield with_args(op.args[:index] + op.args[index + 1 :])
    if op.name == "callback" and len(op.args) > 2:
        yield with_args(op.args[:2])
    if op.name in TIMES:
        index = TIMES[op.name]
        if op.args[index].isdigit():
            for less in sorted({1, int(op.args[index]) - 1}):
                if 0 < less < int(op.args[index]):
                    yield with_args([*op.args[:index], less, *op.args[index + 1 :]])


def simpler(program):
    """Copies where one operation has fewer or smaller arguments, or main starts fewer tasks."""
    if program.start > 1:
        smaller = copy(program)
        smaller.start -= 1
        yield smaller
    for number, (ops, index) in enumerate(places(program)):
        for op in simpler_ops(ops[index]):
            smaller = copy(program)
            ops, index = places(smaller)[number]
            op.body = ops[index].body
            ops[index] = op
            yield smaller


def mentioned(program, index):
    """Whether an operation names the task, or may create it."""
    ops = (ops[place] for ops, place in places(program))
    return any(str(index) in op.args or f"t{index}" in op.args for op in ops)


def without_last_tasks(program):
    while len(program.tasks) > program.start and not program.tasks[-1]:
        if mentioned(program, len(program.tasks) - 1):
            break
        program.tasks.pop()
    return program


def shrink(program, failing):
    """The smallest program that still fails. failing(programs) says which of several do."""
    for _ in range(300):
        for reductions in (chunks, unwrapped, simpler):
            candidates = list(reductions(program))
            found = next((c for c, fails in zip(candidates, failing(candidates)) if fails), None)
            if found:
                program = found
                break
        else:
            break
    return without_last_tasks(program)
