#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Python's asyncio, as it comes. Prints what bench/bench.h describes."""

import asyncio
import os
import resource
import sys
import threading
import time

YIELDS = 200_000
ONE_BY_ONE = 20_000
ROUNDS_HOT = 2
BURSTS = 100
PAUSE = 0.002
TRIPS = 20_000
UNCONTENDED = 200_000
CONTENDED = 20_000
TIMERS = 50_000
THREAD_TRIPS = 2_000
CAPACITY = 64


def kib(name):
    """A figure of this process in KiB."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(name):
                return float(line.split()[1])
    return 0.0


def sleep_time(i):
    return (i * 7919 % 1000 + 1) / 1000


def shuffled(count):
    order, state = [0] * count, 88172645463325252
    for i in range(count):
        state ^= state << 13 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= state << 17 & 0xFFFFFFFFFFFFFFFF
        j = state % (i + 1)
        order[i] = order[j]
        order[j] = i
    return order


def print_as(name, value, unit="ns"):
    print(f"{name}\t{value:.3f}\t{unit}")


def nanoseconds(began, operations):
    return (time.monotonic() - began) * 1e9 / operations


# --- yield ----------------------------------------------------------------------------------------
async def yields_until(stopped, event=None):
    if event:
        await event.wait()
    while not stopped:
        await asyncio.sleep(0)


async def measure_yields(name, count, stopped, tasks):
    rounds = max(1, YIELDS // count)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    began = time.monotonic()
    for _ in range(rounds):
        await asyncio.sleep(0)
    print_as(name, nanoseconds(began, rounds * count))
    stopped.append(True)
    await asyncio.gather(*tasks)


async def yield_in_order(name, count):
    stopped = []
    tasks = [asyncio.create_task(yields_until(stopped)) for _ in range(count - 1)]
    await measure_yields(name, count, stopped, tasks)


async def yield_shuffled(name, count):
    stopped = []
    events = [asyncio.Event() for _ in range(count - 1)]
    tasks = [asyncio.create_task(yields_until(stopped, event)) for event in events]
    await asyncio.sleep(0)
    for i in shuffled(count - 1):
        events[i].set()
    await measure_yields(name, count, stopped, tasks)


# --- create ---------------------------------------------------------------------------------------
async def ends():
    pass


async def yields_once():
    await asyncio.sleep(0)


async def create_one_at_a_time(name, _):
    began = time.monotonic()
    for _ in range(ONE_BY_ONE):
        await asyncio.create_task(ends())
    print_as(name, nanoseconds(began, ONE_BY_ONE))


async def create_and_join(count):
    tasks = [asyncio.create_task(yields_once()) for _ in range(count)]
    for task in tasks:
        await task


async def create_cold(name, count):
    began = time.monotonic()
    await create_and_join(count)
    print_as(name, nanoseconds(began, count))


async def create_hot(name, count):
    await create_and_join(count)
    began = time.monotonic()
    for _ in range(ROUNDS_HOT):
        await create_and_join(count)
    print_as(name, nanoseconds(began, count * ROUNDS_HOT))


async def create_in_bursts(name, count):
    await create_and_join(count)
    cpu = time.process_time()
    for _ in range(BURSTS):
        await asyncio.sleep(PAUSE)
        await create_and_join(count)
    print_as(name, (time.process_time() - cpu) / (count * BURSTS) * 1e9)


# --- queue ----------------------------------------------------------------------------------------
async def echoes(there, back):
    for _ in range(TRIPS):
        await back.put(await there.get())


async def ping_pong(name, size):
    there, back = asyncio.Queue(size), asyncio.Queue(size)
    task = asyncio.create_task(echoes(there, back))
    await asyncio.sleep(0)
    began = time.monotonic()
    for _ in range(TRIPS):
        await there.put(name)
        await back.get()
    print_as(name, nanoseconds(began, 2 * TRIPS))
    await task


async def sends(queue, items):
    for _ in range(items):
        await queue.put(None)


async def stream(name, size):
    queue = asyncio.Queue(size)
    task = asyncio.create_task(sends(queue, 4 * TRIPS))
    await asyncio.sleep(0)
    began = time.monotonic()
    for _ in range(4 * TRIPS):
        await queue.get()
    print_as(name, nanoseconds(began, 4 * TRIPS))
    await task


# --- sync -----------------------------------------------------------------------------------------
async def uncontended(name, lock):
    began = time.monotonic()
    for _ in range(UNCONTENDED):
        await lock.acquire()
        lock.release()
    print_as(name, nanoseconds(began, UNCONTENDED))


async def takes(lock):
    for _ in range(CONTENDED // 2):
        await lock.acquire()
        await asyncio.sleep(0)
        lock.release()


async def contended(name, lock):
    began = time.monotonic()
    await asyncio.gather(takes(lock), takes(lock))
    print_as(name, nanoseconds(began, CONTENDED))


async def lock_uncontended(name, _):
    await uncontended(name, asyncio.Lock())


async def lock_contended(name, _):
    await contended(name, asyncio.Lock())


async def semaphore_uncontended(name, _):
    await uncontended(name, asyncio.Semaphore(1))


async def semaphore_contended(name, _):
    await contended(name, asyncio.Semaphore(1))


async def event_set(name, _):
    event = asyncio.Event()
    event.set()
    began = time.monotonic()
    for _ in range(UNCONTENDED):
        await event.wait()
    print_as(name, nanoseconds(began, UNCONTENDED))


async def wait_and_set(mine, others):
    for _ in range(CONTENDED // 2):
        await mine.wait()
        mine.clear()
        others.set()


async def event_wake(name, _):
    ours, theirs = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(wait_and_set(theirs, ours))
    await asyncio.sleep(0)
    began = time.monotonic()
    theirs.set()
    await wait_and_set(ours, theirs)
    print_as(name, nanoseconds(began, CONTENDED))
    await task


# --- cancel and callbacks -------------------------------------------------------------------------
async def cancel_sleeping(name, count):
    tasks = [asyncio.create_task(asyncio.sleep(3600 + i * 7919 % count / 1e9)) for i in range(count)]
    await asyncio.sleep(0)
    began = time.monotonic()
    for task in tasks:
        task.cancel()
    for task in tasks:
        try:
            await task
        except asyncio.CancelledError:
            pass
    print_as(name, nanoseconds(began, count))


async def done_callback(name, count):
    loop, called = asyncio.get_running_loop(), []
    began = time.monotonic()
    for _ in range(ROUNDS_HOT * 10):
        futures = [loop.create_future() for _ in range(count)]
        for future in futures:
            future.add_done_callback(called.append)
        for future in futures:
            future.set_result(None)
        await asyncio.sleep(0)
    print_as(name, nanoseconds(began, len(called)))


async def call_soon(name, count):
    loop, called = asyncio.get_running_loop(), []
    began = time.monotonic()
    for _ in range(ROUNDS_HOT * 10):
        for _ in range(count):
            loop.call_soon(called.append, None)
        await asyncio.sleep(0)
    print_as(name, nanoseconds(began, len(called)))


# --- timers and memory ----------------------------------------------------------------------------
def print_sleepers(name, cpu, began):
    print_as(name + ": CPU", (time.process_time() - cpu) * 1e3, "ms")
    print_as(name + ": time", (time.monotonic() - began) * 1e3, "ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print_as(name + ": peak memory", peak, "MiB")


async def sleepers(name, count):
    cpu, began = time.process_time(), time.monotonic()
    await asyncio.gather(*(asyncio.sleep(sleep_time(i)) for i in range(count)))
    print_sleepers(name, cpu, began)


async def timers(name, count):
    loop, left, all_fired = asyncio.get_running_loop(), count, asyncio.Event()

    def on_time():
        nonlocal left
        left -= 1
        if left == 0:
            all_fired.set()

    cpu, began = time.process_time(), time.monotonic()
    for i in range(count):
        loop.call_later(sleep_time(i), on_time)
    await all_fired.wait()
    print_sleepers(name, cpu, began)


def nothing():
    pass


async def insert_and_cancel(name, count):
    loop = asyncio.get_running_loop()
    pending = [loop.call_later(3600 + sleep_time(i), nothing) for i in range(count)]
    began = time.monotonic()
    for i in range(TIMERS):
        loop.call_later(3600 + sleep_time(i * 31), nothing).cancel()
    print_as(name, nanoseconds(began, TIMERS))
    for handle in pending:
        handle.cancel()


async def timeouts(name, _):
    began = time.monotonic()
    for _ in range(TIMERS):
        async with asyncio.timeout(3600):
            pass
    print_as(name, nanoseconds(began, TIMERS))


async def memory(name, count):
    event = asyncio.Event()
    rss, tables = kib("VmRSS:"), kib("VmPTE:")
    tasks = [asyncio.create_task(event.wait()) for _ in range(count)]
    await asyncio.sleep(0)
    each = (kib("VmRSS:") - rss) / count
    print_as(name + ": resident", each, "KiB")
    print_as(name + ": with page tables", each + (kib("VmPTE:") - tables) / count, "KiB")
    sys.stdout.flush()
    os._exit(len(tasks) != count)


# --- threads --------------------------------------------------------------------------------------
async def call_soon_threadsafe(name, _):
    loop, finished = asyncio.get_running_loop(), asyncio.Event()
    answered, taken = threading.Semaphore(0), []

    def asks():
        began = time.monotonic()
        for _ in range(THREAD_TRIPS):
            loop.call_soon_threadsafe(answered.release)
            answered.acquire()
        taken.append(nanoseconds(began, THREAD_TRIPS))
        loop.call_soon_threadsafe(finished.set)

    thread = threading.Thread(target=asks)
    thread.start()
    await finished.wait()
    thread.join()
    print_as(name, taken[0])


async def to_thread(name, _):
    await asyncio.to_thread(nothing)
    began = time.monotonic()
    for _ in range(THREAD_TRIPS):
        await asyncio.to_thread(nothing)
    print_as(name, nanoseconds(began, THREAD_TRIPS))


# Name, function, count, and whether it takes seconds.
ROWS = [
    ("yield, 2 tasks", yield_in_order, 2, False),
    ("yield, 1,000 tasks", yield_in_order, 1000, False),
    ("yield, 100,000 tasks", yield_in_order, 100_000, True),
    ("yield, 100,000 tasks, shuffled", yield_shuffled, 100_000, True),
    ("yield, 1,000,000 tasks", yield_in_order, 1_000_000, True),
    ("create and join, one at a time", create_one_at_a_time, 0, False),
    ("create 10,000, join all, cold", create_cold, 10_000, False),
    ("create 10,000, join all, hot", create_hot, 10_000, False),
    ("create 1,000, join all, in bursts", create_in_bursts, 1_000, False),
    ("queue ping-pong, unbuffered", ping_pong, 1, False),
    ("queue ping-pong, buffered", ping_pong, CAPACITY, False),
    ("queue stream, buffered", stream, CAPACITY, False),
    ("lock, uncontended", lock_uncontended, 0, False),
    ("lock, contended", lock_contended, 0, False),
    ("semaphore, uncontended", semaphore_uncontended, 0, False),
    ("semaphore, contended", semaphore_contended, 0, False),
    ("event, set", event_set, 0, False),
    ("event, wake", event_wake, 0, False),
    ("cancel a sleeping task", cancel_sleeping, 10_000, False),
    ("done callback", done_callback, 1000, False),
    ("call_soon", call_soon, 1000, False),
    ("100,000 sleepers", sleepers, 100_000, True),
    ("1,000,000 sleepers", sleepers, 1_000_000, True),
    ("100,000 timers", timers, 100_000, True),
    ("1,000,000 timers", timers, 1_000_000, True),
    ("timer, insert and cancel", insert_and_cancel, 100_000, False),
    ("timeout that does not fire", timeouts, 0, False),
    ("memory, 10,000 parked tasks", memory, 10_000, False),
    ("memory, 100,000 parked tasks", memory, 100_000, False),
    ("memory, 1,000,000 parked tasks", memory, 1_000_000, True),
    ("call_soon_threadsafe round trip", call_soon_threadsafe, 0, False),
    ("to_thread round trip", to_thread, 0, False),
]


def main(arguments):
    if "-v" in arguments:
        print(f"Python {sys.version.split()[0]}, asyncio")
        return
    for name, run, count, takes_long in ROWS:
        if "-l" in arguments:
            print(name + ("\tlong" if takes_long else ""))
        elif not arguments or name in arguments:
            asyncio.run(run(name, count))


main(sys.argv[1:])
