# SPDX-License-Identifier: MIT
"""Runs programs on asyncio, under a virtual clock, and traces them."""

import asyncio
import heapq
import logging
import sys

from program import parse

PASSES_AT_END = 3  # how often main cancels what is left
LONG = 1000  # what main waits each time


class Failure(Exception):
    """A negative errno with its message."""

    def __init__(self, number, message):
        super().__init__(message)
        self.number = number


# --- The loop -------------------------------------------------------------------------------------
class Timer(asyncio.TimerHandle):
    """Equal deadlines fire in the order in which they were set. asyncio compares deadlines only,
    and its order is then an accident of the heap; FIFO is what libcoro promises."""

    __slots__ = ("number",)

    def __lt__(self, other):
        return (self._when, self.number) < (other._when, other.number)


class Task(asyncio.Task):
    """Counts how often a single cancel reaches it. libcoro hands one on along two paths at most, so
    with more the counts differ on purpose (docs/design.md), and the program is left out."""

    depth = 0
    most = 0
    reached = {}

    def cancel(self, msg=None):
        Task.depth += 1
        if Task.depth == 1:
            Task.reached = {}
        count = Task.reached.get(self, 0) + 1
        Task.reached[self] = count
        Task.most = max(Task.most, count)
        try:
            return super().cancel(msg)
        finally:
            Task.depth -= 1


class Loop(asyncio.BaseEventLoop):
    """A loop without files, whose time (in ms) jumps to the next deadline when nothing is ready."""

    def __init__(self):
        super().__init__()
        self.now = 0
        self.timers = 0
        self.eager = False  # whether tasks are created so
        self._clock_resolution = 0.5
        self._selector = self
        self.set_exception_handler(lambda loop, context: None)

    def time(self):
        return self.now

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("the program waits for ever")
        self.now += timeout
        return ()

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass

    def create_task(self, coroutine, *, name=None, context=None):
        # Before 3.14 this is the only way to an eager task in a group.
        eager = {"eager_start": True} if self.eager else {}
        return Task(coroutine, loop=self, name=name, context=context, **eager)

    def call_at(self, when, callback, *args, context=None):
        timer = Timer(when, callback, args, self, context)
        self.timers += 1
        timer.number = self.timers
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer


class OrderedSet(dict):
    """As TaskGroup uses its set of tasks. A group that ends cancels them in the set's order, which
    is that of addresses; libcoro's is that of creation."""

    def add(self, item):
        self[item] = True

    def discard(self, item):
        self.pop(item, None)


class Gathering(asyncio.tasks._GatheringFuture):
    """What gather() returns. If it is cancelled, and has to wait for all its tasks, asyncio's
    message is that of whatever cancelled the last of them, long ago perhaps; libcoro's is the
    request's."""

    return_exceptions = False

    def cancel(self, msg=None):
        taken = super().cancel(msg)
        if taken:
            self.request = asyncio.CancelledError(msg)
        return taken

    def set_exception(self, exception):
        of_one = not self.return_exceptions and any(map(asyncio.Future.cancelled, self._children))
        if self._cancel_requested and not of_one and isinstance(exception, asyncio.CancelledError):
            exception = self.request
        super().set_exception(exception)


asyncio.tasks._GatheringFuture = Gathering


# --- A program ------------------------------------------------------------------------------------
def text(error):
    return f" {error.args[0]}" if error.args and error.args[0] else ""


# Not in every version.
QueueShutDown = getattr(asyncio, "QueueShutDown", None) or type("QueueShutDown", (Exception,), {})
NAMES = {asyncio.BrokenBarrierError: "broken", QueueShutDown: "shut down"}
# What operations may end with, other than -ECANCELED.
ERRORS = (Failure, TimeoutError, RuntimeError, QueueShutDown)


def outcome(error):
    """How the trace shows an error."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled" + text(error)
    if isinstance(error, TimeoutError):
        return "timeout" + text(error)
    if isinstance(error, Failure):
        return f"error {error.number}" + text(error)
    return NAMES.get(type(error), "error")


def milliseconds(limit):
    return None if limit == "none" else int(limit)


def leaf(error):
    """libcoro's group ends with the first of its errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class Run:
    def __init__(self, program, loop):
        self.program = program
        self.loop = loop
        self.trace = []
        self.tasks = {}
        self.indices = {}
        self.futures = [loop.create_future() for _ in range(3)]
        self.scopes = {}
        self.groups = {}
        self.callbacks = {}
        self.ended = []
        self.waited_for = set()  # by a wait for the first failure
        self.live = True
        self.sync = {
            "l0": asyncio.Lock(),
            "l1": asyncio.Lock(),
            "s0": asyncio.Semaphore(1),
            "s1": asyncio.BoundedSemaphore(2),
            "e0": asyncio.Event(),
            "e1": asyncio.Event(),
            "c0": asyncio.Condition(),
            "b0": asyncio.Barrier(2),
            "b1": asyncio.Barrier(3),
            "q0": asyncio.Queue(1),
            "q1": asyncio.LifoQueue(2),
            "q2": asyncio.PriorityQueue(),
        }
        self.sync["c1"] = asyncio.Condition(self.sync["l1"])

    def log(self, line):
        if not self.live:
            return
        task = asyncio.current_task()
        if task is None:
            self.trace.append(f"{self.loop.now} - {line}")
        else:
            who = self.indices.get(task, "main")
            self.trace.append(f"{self.loop.now} {who} {line} [{task.cancelling()}]")

    def object(self, name):
        if name[0] == "f":
            return self.futures[int(name[1:])]
        return self.tasks.get(int(name[1:]))

    def objects(self, names):
        return [found for found in map(self.object, names) if found]

    def shown(self, future):
        if not future.done():
            return "pending"
        try:
            return str(future.result() or 0)
        except (*ERRORS, asyncio.CancelledError) as error:
            return outcome(error)

    # --- Bodies -----------------------------------------------------------------------------------
    async def body(self, index):
        task = asyncio.current_task()
        self.indices[task] = f"t{index}"
        self.tasks[index] = task
        self.log("begin")
        try:
            value = await self.block(self.program.tasks[index])
            value = 0 if value is None else value
            self.log(f"end {value}")
            return value
        except (*ERRORS, asyncio.CancelledError) as error:
            self.log(f"end {outcome(error)}")
            raise
        finally:
            self.ended.append(index)

    async def block(self, ops):
        """Runs operations; a value if the body is to return it."""
        for op in ops:
            value = await self.op(op)
            if value is not None:
                return value

    async def op(self, op):
        try:
            return await getattr(self, "op_" + op.name)(op, *op.args)
        except asyncio.CancelledError:
            if op.mark not in "!~":
                raise
        except ERRORS:
            if op.mark not in "!?":
                raise

    async def traced(self, op, awaitable, more=None):
        """Awaits, traces how it went, and has the error go on."""
        words = " ".join((op.name, *op.args))
        try:
            value = await awaitable
        except (*ERRORS, asyncio.CancelledError) as error:
            self.log(f"{words} -> {outcome(error)}")
            raise
        self.log(f"{words} -> {value if type(value) is int else 0}")
        return value

    # --- Tasks and futures ------------------------------------------------------------------------
    def make(self, index, eager, owner):
        """Creates a task once, named as in libcoro's interpreter."""
        if index in self.tasks:
            return "exists"
        self.tasks[index] = None
        coroutine = self.body(index)
        try:
            self.loop.eager = bool(eager)
            task = owner.create_task(coroutine, name=f"t{index}")
        except RuntimeError:
            # A group that takes no more.
            coroutine.close()
            del self.tasks[index]
            return "refused"
        self.tasks[index] = task
        self.indices[task] = f"t{index}"
        return 0

    async def op_create(self, op, index, eager=""):
        made = self.make(int(index), eager, self.loop)
        self.log(f"create {index} {made}")

    async def op_yield(self, op):
        await self.traced(op, asyncio.sleep(0))

    async def op_sleep(self, op, duration):
        await self.traced(op, asyncio.sleep(int(duration)))

    async def op_await(self, op, name):
        target = self.object(name)
        if target is None:
            return self.log("absent")
        await self.traced(op, target)

    def cancel(self, name, message=None):
        target = self.object(name)
        if target is None:
            return self.log("absent")
        taken = target.cancel(message)
        self.log(f"cancel {name} {int(taken)} {target.cancelling() if name[0] == 't' else 0}")

    async def op_cancel(self, op, name, message=None):
        self.cancel(name, message)

    def uncancel(self, name):
        target = self.object(name)
        if target is None:
            return self.log("absent")
        self.log(f"uncancel {name} {target.uncancel()}")

    async def op_uncancel(self, op, name):
        self.uncancel(name)

    def set(self, name, value):
        future = self.object(name)
        if future.done():
            return self.log(f"set {name} refused")
        future.set_result(int(value))
        self.log(f"set {name} 0")

    async def op_set(self, op, name, value):
        self.set(name, value)

    async def op_fail(self, op, name, error, message):
        future = self.object(name)
        if future.done():
            return self.log(f"fail {name} refused")
        future.set_exception(Failure(int(error), message))
        self.log(f"fail {name} 0")

    async def op_renew(self, op, name):
        if self.object(name).done():
            self.futures[int(name[1:])] = self.loop.create_future()

    async def op_result(self, op, name):
        target = self.object(name)
        if target is None:
            return self.log("absent")
        cancelled = " (cancelled)" if target.cancelled() else ""
        self.log(f"result {name} {self.shown(target)}{cancelled}")

    def callback(self, number, action, args):
        def run(future):
            self.log(f"callback {number}")
            if action == "create":
                index = int(args[0])
                made = self.make(index, "", self.loop)
                self.log(f"create {index} {made}")
            elif action:
                getattr(self, action)(*args)

        return run

    async def op_callback(self, op, number, name, action=None, *args):
        target = self.object(name)
        if target is None:
            return self.log("absent")
        self.callbacks[number] = self.callback(number, action, args)
        target.add_done_callback(self.callbacks[number])

    async def op_again(self, op, number, name):
        target = self.object(name)
        if target is None or number not in self.callbacks:
            return self.log("absent")
        target.add_done_callback(self.callbacks[number])

    async def op_uncallback(self, op, number, name):
        target = self.object(name)
        if target is None or number not in self.callbacks:
            return self.log("absent")
        self.log(f"uncallback {target.remove_done_callback(self.callbacks[number])}")

    async def op_name(self, op, name, new):
        target = self.object(name)
        if target is None:
            return self.log("absent")
        old = target.get_name()
        target.set_name(new)
        self.log(f"name {old} {target.get_name()}")

    async def op_tasks(self, op):
        found = sorted(self.indices.get(task, "main") for task in asyncio.all_tasks())
        self.log("tasks " + " ".join(found))

    async def op_return(self, op, value):
        return int(value)

    async def op_raise(self, op, error, message):
        if error == "cancel":
            raise asyncio.CancelledError(message)
        if error == "timeout":
            raise TimeoutError(message)
        raise Failure(int(error), message)

    # --- Waiting for several, or for a limited time -----------------------------------------------
    async def op_gather(self, op, mode, *names):
        targets = self.objects(names)
        gathering = asyncio.gather(*targets, return_exceptions=mode == "all")
        if targets:
            gathering.return_exceptions = mode == "all"
        found = await self.traced(op, gathering)
        if targets:
            found = [outcome(x) if isinstance(x, BaseException) else str(x or 0) for x in found]
            self.log("gathered " + ", ".join(found))

    async def op_wait(self, op, mode, timeout, *names):
        targets = self.objects(names)
        if not targets:
            return self.log("absent")
        when = {
            "first": asyncio.FIRST_COMPLETED,
            "exception": asyncio.FIRST_EXCEPTION,
            "all": asyncio.ALL_COMPLETED,
        }[mode]
        await self.traced(op, self.waited(targets, milliseconds(timeout), when))

    async def waited(self, targets, timeout, when):
        # What wait() does. It makes a set of them first, and then they would come in the order of
        # their addresses; of two failures the first is taken as read.
        unique = list(dict.fromkeys(targets))
        if when == asyncio.FIRST_EXCEPTION:
            self.waited_for.update(unique)
        done, _ = await asyncio.tasks._wait(unique, timeout, when, self.loop)
        return len(done)

    async def op_wait_for(self, op, name, timeout):
        target = self.object(name)
        if target is None:
            return self.log("absent")
        await self.traced(op, asyncio.wait_for(target, milliseconds(timeout)))

    async def op_shield(self, op, name):
        target = self.object(name)
        if target is None:
            return self.log("absent")
        await self.traced(op, asyncio.shield(target))

    # --- Blocks -----------------------------------------------------------------------------------
    async def scope(self, op, number, scope):
        self.scopes[number] = scope
        value = None

        async def inside():
            nonlocal value
            async with scope:
                value = await self.block(op.body)

        await self.traced(op, inside())
        return value

    async def op_timeout(self, op, number, limit):
        return await self.scope(op, number, asyncio.timeout(milliseconds(limit)))

    async def op_timeout_at(self, op, number, deadline):
        return await self.scope(op, number, asyncio.timeout_at(int(deadline)))

    async def op_reschedule(self, op, number, limit):
        scope = self.scopes.get(number)
        if scope is None:
            return self.log("absent")
        try:
            scope.reschedule(None if limit == "none" else self.loop.now + int(limit))
            done = 0
        except RuntimeError:
            done = "refused"
        self.log(f"reschedule {number} {done}")

    async def op_expired(self, op, number):
        scope = self.scopes.get(number)
        if scope is None:
            return self.log("absent")
        self.log(f"expired {number} {int(scope.expired())} {scope.when()}")

    async def op_group(self, op, number):
        group = asyncio.TaskGroup()
        group._tasks = OrderedSet()
        self.groups[number] = (group, [], asyncio.current_task())
        value = None

        async def inside():
            nonlocal value
            try:
                async with group:
                    value = await self.block(op.body)
            except BaseExceptionGroup as errors:
                self.log(f"errors {number} " + ", ".join(self.errors(number, errors.exceptions)))
                raise leaf(errors) from None

        await self.traced(op, inside())
        return value

    def errors(self, number, errors):
        """A group's errors, each with who failed."""
        _, children, parent = self.groups[number]
        left = [index for index in self.ended if index in children]
        for error in errors:
            who = self.indices[parent]
            for index in left:
                task = self.tasks[index]
                if task.done() and not task.cancelled() and task.exception() is error:
                    who = f"t{index}"
                    left.remove(index)
                    break
            yield f"{who} {outcome(leaf(error))}"

    async def op_spawn(self, op, number, index, eager=""):
        if number not in self.groups:
            return self.log("absent")
        group, children, _ = self.groups[number]
        made = self.make(int(index), eager, group)
        if made == 0:
            children.append(int(index))
        self.log(f"spawn {number} {index} {made}")

    # --- Synchronization --------------------------------------------------------------------------
    def at_once(self, op, call, *args):
        """Traces a call that does not wait, and that may refuse."""
        try:
            value = call(*args)
            shown = value if type(value) is int else 0
        except QueueShutDown:
            shown = "shut down"
        except (RuntimeError, ValueError, asyncio.QueueEmpty, asyncio.QueueFull):
            shown = "refused"
        self.log(f"{op} {shown}")

    async def op_with(self, op, name):
        await self.traced(op, self.sync[name].acquire())
        try:
            return await self.block(op.body)
        finally:
            self.at_once(f"release {name}", self.sync[name].release)

    async def op_acquire(self, op, name):
        await self.traced(op, self.sync[name].acquire())

    async def op_release(self, op, name):
        self.at_once(f"release {name}", self.sync[name].release)

    async def op_locked(self, op, name):
        self.log(f"locked {name} {int(self.sync[name].locked())}")

    async def op_event_wait(self, op, name):
        await self.traced(op, self.sync[name].wait())

    async def op_event_set(self, op, name):
        self.sync[name].set()

    async def op_event_clear(self, op, name):
        self.log(f"event_clear {name} {int(self.sync[name].is_set())}")
        self.sync[name].clear()

    async def op_condition_wait(self, op, name):
        await self.traced(op, self.sync[name].wait())

    async def op_condition_wait_for(self, op, name, event):
        await self.traced(op, self.sync[name].wait_for(self.sync[event].is_set))

    async def op_notify(self, op, name, count):
        condition = self.sync[name]
        if count == "all":
            self.at_once(f"notify {name}", condition.notify_all)
        else:
            self.at_once(f"notify {name}", condition.notify, int(count))

    def log_barrier(self, name):
        barrier = self.sync[name]
        self.log(f"barrier {name} {barrier.n_waiting} {int(barrier.broken)}")

    async def op_barrier_wait(self, op, name):
        self.log_barrier(name)
        await self.traced(op, self.sync[name].wait())

    async def op_barrier_reset(self, op, name):
        await self.traced(op, self.sync[name].reset())
        self.log_barrier(name)

    async def op_barrier_abort(self, op, name):
        await self.traced(op, self.sync[name].abort())
        self.log_barrier(name)

    async def op_put(self, op, name, item):
        await self.traced(op, self.sync[name].put(int(item)))

    async def op_get(self, op, name):
        await self.traced(op, self.sync[name].get())

    async def op_join(self, op, name):
        await self.traced(op, self.sync[name].join())

    async def op_put_nowait(self, op, name, item):
        self.at_once(f"put_nowait {name}", self.sync[name].put_nowait, int(item))

    async def op_get_nowait(self, op, name):
        self.at_once(f"get_nowait {name}", self.sync[name].get_nowait)

    async def op_task_done(self, op, name):
        self.at_once(f"task_done {name}", self.sync[name].task_done)

    async def op_shutdown(self, op, name, when):
        self.log(f"shutdown {name} {self.sync[name].qsize()}")
        self.sync[name].shutdown(immediate=when == "now")

    # --- The whole --------------------------------------------------------------------------------
    async def main(self):
        for index in range(self.program.start):
            self.make(index, "", self.loop)
        await asyncio.sleep(LONG)
        for _ in range(PASSES_AT_END):
            left = [self.tasks[i] for i in sorted(self.tasks) if not self.tasks[i].done()]
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=LONG)
        self.log("over")
        # Whether a failure would be reported is known when nobody is left to read it.
        all_ended = all(task.done() for task in self.tasks.values())
        for index in sorted(self.tasks):
            task = self.tasks[index]
            if not task.done():
                self.trace.append(f"t{index} pending")
            elif task.cancelled():
                self.trace.append(f"t{index} cancelled")
            elif task in self.waited_for:
                self.trace.append(f"t{index} done perhaps")
            else:
                unread = all_ended and task._log_traceback
                self.trace.append(f"t{index} done" + " unread" * unread)
        self.live = False


def close(run):
    """What is left is ended here, rather than by the collector in another program's time."""
    run.live = False
    for task in run.tasks.values():
        if task and not task.done():
            task._log_destroy_pending = False
            try:
                task.get_coro().close()
            except RuntimeError:
                pass
    run.loop.close()


def run_program(program):
    """The trace of a program as a list of lines; None if it is to be left out."""
    loop = Loop()
    run = Run(program, loop)
    Task.most = Task.depth = 0
    try:
        loop.run_until_complete(loop.create_task(run.main()))
    finally:
        close(run)
    return run.trace if Task.most <= 2 else None


def quiet():
    logging.disable(logging.CRITICAL)
    sys.unraisablehook = lambda unraisable: None


if __name__ == "__main__":
    quiet()
    for each in parse(sys.stdin):
        print(f"program {each.number}")
        print("\n".join(run_program(each) or ["left out"]))
