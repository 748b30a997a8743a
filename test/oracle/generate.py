# SPDX-License-Identifier: MIT
"""Random programs: the same number always makes the same program.

What is kept out, because libcoro does it otherwise on purpose (docs/design.md):
- A task waits for tasks with higher numbers only. In a ring asyncio's cancel() recurses until
  RecursionError, and libcoro's ends the ring. Awaiting oneself is an error in both, in asyncio one
  pass later; gather() with oneself waits for ever in asyncio and is -EDEADLK in libcoro.
- An error is always raised with a message: in C the last message stays with the error otherwise.
"""

import random

from program import Op, Program

FUTURES = 3
LOCKS = ("l0", "l1", "s0", "s1", "c0", "c1")  # locks, semaphores, conditions
EVENTS = ("e0", "e1")
BARRIERS = ("b0", "b1")
QUEUES = ("q0", "q1", "q2")
ERRORS = (2, 5, 71)  # ENOENT, EIO, EPROTO


class Features:
    """What this version of asyncio does as 3.13 does. The rest is left out."""

    def __init__(self, version):
        self.eager = version >= (3, 12)
        # Since 3.12 gather() sees at once what has ended, and wait_for() is a timeout scope.
        self.gather = self.wait_for = version >= (3, 12)
        # Since 3.13 an uncancel() that leaves no request drops the undelivered one, and a group
        # gives the count back that its own cancel has raised.
        self.uncancel = self.group = version >= (3, 13)
        # Since 3.13 a queue can be shut down, and a condition, which a barrier consists of, hands a
        # cancelled task's notify on.
        self.condition = self.shutdown = version >= (3, 13)


class Generator:
    def __init__(self, number, features):
        self.random = random.Random(number)
        self.number = number
        self.features = features
        self.ids = 0
        self.made = {"timeout": [], "group": [], "callback": []}
        self.makers = [(maker, weight) for maker, weight in self.weights() if weight]

    def weights(self):
        """How often each operation is chosen."""
        has = self.features
        return (
            (self.yields, 4), (self.sleep, 5), (self.create, 7), (self.awaits, 6), (self.cancel, 6),
            (self.uncancel, 2 * has.uncancel), (self.gather, 4 * has.gather), (self.wait, 4),
            (self.wait_for, 4 * has.wait_for), (self.shield, 3), (self.timeout, 5),
            (self.reschedule, 2), (self.expired, 1), (self.group, 4 * has.group),
            (self.spawn, 4 * has.group), (self.settle, 4), (self.renew, 2), (self.result, 2),
            (self.callback, 2), (self.name, 1), (self.tasks, 1), (self.ends, 2),
            (self.with_lock, 4), (self.lock, 2), (self.event, 3),
            (self.condition, 2 * has.condition), (self.barrier, 2 * has.condition),
            (self.queue, 5),
        )  # fmt: skip

    # --- What operations are made of --------------------------------------------------------------
    def fresh(self):
        self.ids += 1
        return self.ids

    def chance(self, probability):
        return self.random.random() < probability

    def duration(self, none=0.0):
        # Few values: equal deadlines are the interesting ones.
        if self.chance(none):
            return "none"
        return self.random.choice((-1, 0, 0, 1, 1, 2, 2, 3, 4, 5, 7, 9))

    def mark(self):
        return self.random.choice("-???!!~")

    def future(self):
        return f"f{self.random.randrange(FUTURES)}"

    def anything(self):
        if self.chance(0.2):
            return self.future()
        return f"t{self.random.randrange(self.count)}"

    def target(self, index):
        """What task `index` may wait for."""
        if index + 1 >= self.count or self.chance(0.2):
            return self.future()
        return f"t{self.random.randrange(index + 1, self.count)}"

    def targets(self, index):
        return [self.target(index) for _ in range(self.random.choice((1, 2, 2, 3, 4)))]

    def message(self):
        return [f"m{self.fresh()}"] if self.chance(0.5) else []

    def eager(self):
        return ["eager"] if self.features.eager and self.chance(0.3) else []

    # --- Operations -------------------------------------------------------------------------------
    def yields(self, index, depth):
        return Op(self.mark(), "yield")

    def sleep(self, index, depth):
        return Op(self.mark(), "sleep", [self.duration()])

    def create(self, index, depth):
        return Op("-", "create", [self.random.randrange(self.count), *self.eager()])

    def awaits(self, index, depth):
        return Op(self.mark(), "await", [self.target(index)])

    def cancel(self, index, depth):
        return Op("-", "cancel", [self.anything(), *self.message()])

    def uncancel(self, index, depth):
        whom = index if self.chance(0.7) else self.random.randrange(self.count)
        return Op("-", "uncancel", [f"t{whom}"])

    def gather(self, index, depth):
        mode = self.random.choice(("first", "all"))
        return Op(self.mark(), "gather", [mode, *self.targets(index)])

    def wait(self, index, depth):
        mode = self.random.choice(("first", "exception", "all"))
        return Op(self.mark(), "wait", [mode, self.duration(0.4), *self.targets(index)])

    def wait_for(self, index, depth):
        return Op(self.mark(), "wait_for", [self.target(index), self.duration(0.1)])

    def shield(self, index, depth):
        return Op(self.mark(), "shield", [self.target(index)])

    def block(self, index, depth):
        return [self.op(index, depth + 1) for _ in range(self.random.choice((1, 1, 2, 3)))]

    def timeout(self, index, depth):
        number = self.fresh()
        self.made["timeout"].append(number)
        if self.chance(0.2):
            args = [number, self.random.randrange(12)]
            return Op(self.mark(), "timeout_at", args, self.block(index, depth))
        args = [number, self.duration(0.1)]
        return Op(self.mark(), "timeout", args, self.block(index, depth))

    def of(self, kind):
        """The number of one of this kind, begun or not; 0, which never is, before there is one."""
        return self.random.choice(self.made[kind] or [0])

    def reschedule(self, index, depth):
        return Op("-", "reschedule", [self.of("timeout"), self.duration(0.2)])

    def expired(self, index, depth):
        return Op("-", "expired", [self.of("timeout")])

    def group(self, index, depth):
        number = self.fresh()
        self.made["group"].append((number, index))
        body = self.block(index, depth)
        for _ in range(self.random.choice((1, 2, 2))):
            body.insert(0, self.spawn_in(number, index))
        return Op(self.mark(), "group", [number], body)

    def spawn_in(self, number, owner):
        # The owner waits for it: a higher number. The last task can only spawn itself: "exists".
        child = self.random.randrange(min(owner + 1, self.count - 1), self.count)
        return Op("-", "spawn", [number, child, *self.eager()])

    def spawn(self, index, depth):
        return self.spawn_in(*self.random.choice(self.made["group"] or [(0, index)]))

    def settle(self, index, depth):
        if self.chance(0.3):
            error = self.random.choice(ERRORS)
            return Op("-", "fail", [self.future(), error, f"m{self.fresh()}"])
        return Op("-", "set", [self.future(), self.random.randrange(10)])

    def renew(self, index, depth):
        return Op("-", "renew", [self.future()])

    def result(self, index, depth):
        return Op("-", "result", [self.anything()])

    def callback(self, index, depth):
        known = self.made["callback"]
        if known and self.chance(0.4):
            again = self.random.choice(("again", "uncallback"))
            return Op("-", again, [self.of("callback"), self.anything()])
        number = self.fresh()
        known.append(number)
        task = self.random.randrange(self.count)
        actions = [[], [], ["cancel", self.anything()], ["set", self.future(), 1], ["create", task]]
        if self.features.uncancel:
            actions.append(["uncancel", f"t{task}"])
        action = self.random.choice(actions)
        return Op("-", "callback", [number, self.anything(), *action])

    def name(self, index, depth):
        return Op("-", "name", [f"t{self.random.randrange(self.count)}", f"n{self.fresh()}"])

    def tasks(self, index, depth):
        return Op("-", "tasks")

    def ends(self, index, depth):
        if self.chance(0.4):
            return Op("-", "return", [self.random.randrange(10)])
        error = self.random.choice((*ERRORS, "cancel", "timeout"))
        return Op(self.mark(), "raise", [error, f"m{self.fresh()}"])

    def with_lock(self, index, depth):
        name = self.random.choice(LOCKS if self.features.condition else LOCKS[:4])
        body = self.block(index, depth)
        if name[0] == "c":
            body.insert(0, self.on_condition(name))
        return Op(self.mark(), "with", [name], body)

    def lock(self, index, depth):
        name = self.random.choice(LOCKS if self.features.condition else LOCKS[:4])
        call = self.random.choice(("acquire", "release", "release", "locked"))
        return Op(self.mark() if call == "acquire" else "-", call, [name])

    def event(self, index, depth):
        call = self.random.choice(("event_wait", "event_wait", "event_set", "event_clear"))
        mark = self.mark() if call == "event_wait" else "-"
        return Op(mark, call, [self.random.choice(EVENTS)])

    def on_condition(self, name):
        call = self.random.choice(("condition_wait", "condition_wait_for", "notify", "notify"))
        if call == "condition_wait":
            return Op(self.mark(), call, [name])
        if call == "condition_wait_for":
            return Op(self.mark(), call, [name, self.random.choice(EVENTS)])
        return Op("-", call, [name, self.random.choice((1, 1, 2, "all"))])

    def condition(self, index, depth):
        return self.on_condition(self.random.choice(("c0", "c1")))

    def barrier(self, index, depth):
        calls = ("barrier_wait", "barrier_wait", "barrier_wait", "barrier_reset", "barrier_abort")
        return Op(self.mark(), self.random.choice(calls), [self.random.choice(BARRIERS)])

    def queue(self, index, depth):
        name = self.random.choice(QUEUES)
        call = self.random.choice(
            ("put", "put", "get", "get", "put_nowait", "get_nowait", "task_done", "join")
        )
        if self.features.shutdown and self.chance(0.08):
            return Op("-", "shutdown", [name, self.random.choice(("now", "later"))])
        item = [self.random.randrange(10)] if call.startswith("put") else []
        mark = self.mark() if call in ("put", "get", "join") else "-"
        return Op(mark, call, [name, *item])

    # --- Programs ---------------------------------------------------------------------------------
    def op(self, index, depth):
        makers, weights = zip(*self.makers)
        while True:
            maker = self.random.choices(makers, weights)[0]
            if depth < 3 or maker not in (self.timeout, self.group, self.with_lock):
                return maker(index, depth)

    def body(self, index):
        ops = [self.op(index, 0) for _ in range(self.random.randint(2, 9))]
        if self.chance(0.05):
            # A cancel of oneself that is never delivered.
            ops.append(Op("-", "cancel", [f"t{index}", *self.message()]))
            ops.append(Op("-", "return", [self.random.randrange(10)]))
        return ops

    def program(self):
        self.count = self.random.randint(2, 8)
        start = self.random.randint(1, self.count)
        return Program(self.number, start, [self.body(index) for index in range(self.count)])


def generate(number, features):
    return Generator(number, features).program()


if __name__ == "__main__":
    import sys

    for argument in sys.argv[1:]:
        print(generate(int(argument), Features(sys.version_info)).text(), end="")
