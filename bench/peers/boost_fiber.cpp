/* SPDX-License-Identifier: MIT */
/*
 * Boost.Fiber with its fastest stacks, from a pool and without guard pages. It has no semaphores
 * and no cancellation; its events are a condition variable.
 */
#include "bench.h"

#include <boost/fiber/all.hpp>
#include <boost/fiber/pooled_fixedsize_stack.hpp>
#include <boost/version.hpp>
#include <chrono>
#include <memory>
#include <vector>

namespace fibers = boost::fibers;
using boost::this_fiber::yield;

static constexpr size_t yields = 2000000, one_by_one = 500000, rounds_hot = 30, trips = 500000,
                        uncontended = 10000000, contended = 500000;

/* The pool takes its memory in blocks of at most 1,024 stacks: it would double them without end. */
static fibers::pooled_fixedsize_stack stacks(64 * 1024, 32, 1024);

template <typename Function> static fibers::fiber spawn(Function function)
{
    return fibers::fiber(std::allocator_arg, stacks, function);
}

/* --- yield ------------------------------------------------------------------------------------ */
static bool stopped;
static size_t started, ended, most, fewest = SIZE_MAX;

/* All yield from this place: a processor predicts where a call returns to by where the last one was
 * made, and so wrongly for two places. */
static __attribute__((noinline)) size_t yield_while(bool forever, size_t rounds)
{
    size_t count = 0;
    for (; forever ? !stopped : count < rounds; count++)
        yield();
    return count;
}

static void yield_until_stopped()
{
    started++;
    const size_t mine = yield_while(true, 0);
    most = std::max(most, mine);
    fewest = std::min(fewest, mine);
    ended++;
}

static void measure_yields(const bench_row *row)
{
    const size_t rounds = bench_rounds(yields, row->count);
    for (size_t i = 0; i < 2; i++)
        yield();
    bench_check(started == row->count - 1, "all yield");
    const double began = bench_now();
    yield_while(false, rounds);
    const double taken = bench_now() - began;
    stopped = true;
    while (ended < row->count - 1)
        yield();
    bench_check(most - fewest <= 2 && fewest >= rounds, "all yield alike");
    bench_print(row, taken / double(rounds) / double(row->count), "ns");
}

static void begin_yields()
{
    stopped = false;
    started = ended = most = 0;
    fewest = SIZE_MAX;
}

static void yield_in_order(const bench_row *row)
{
    begin_yields();
    for (size_t i = 1; i < row->count; i++)
        spawn([] {
            bench_touch_stack();
            yield_until_stopped();
        }).detach();
    measure_yields(row);
}

struct event {
    fibers::mutex mutex;
    fibers::condition_variable condition;
    bool is_set = false;

    void set()
    {
        std::unique_lock<fibers::mutex> guard(mutex);
        is_set = true;
        condition.notify_all();
    }

    void wait_and_clear()
    {
        std::unique_lock<fibers::mutex> guard(mutex);
        condition.wait(guard, [this] { return is_set; });
        is_set = false;
    }
};

static void yield_shuffled(const bench_row *row)
{
    begin_yields();
    std::unique_ptr<event[]> events(new event[row->count]);
    size_t *order = bench_shuffled(row->count - 1);
    bench_check(order != nullptr, "memory");
    for (size_t i = 1; i < row->count; i++)
        spawn([&, i] {
            bench_touch_stack();
            events[i - 1].wait_and_clear();
            yield_until_stopped();
        }).detach();
    yield();
    for (size_t i = 1; i < row->count; i++)
        events[order[i - 1]].set();
    measure_yields(row);
    free(order);
}

/* --- create ----------------------------------------------------------------------------------- */
static void create_one_at_a_time(const bench_row *row)
{
    double began = 0;
    for (size_t i = 0; i < one_by_one + 1000; i++) {
        if (i == 1000)
            began = bench_now();
        spawn([] { bench_touch_stack(); }).join();
    }
    bench_print(row, (bench_now() - began) / one_by_one, "ns");
}

static void create_and_join(std::vector<fibers::fiber> &all)
{
    for (auto &fiber : all)
        fiber = spawn([] {
            bench_touch_stack();
            yield();
        });
    for (auto &fiber : all)
        fiber.join();
}

static void create_many(const bench_row *row, size_t warm_up, size_t rounds)
{
    std::vector<fibers::fiber> all(row->count);
    double began = bench_now();
    for (size_t i = 0; i < warm_up + rounds; i++) {
        if (i == warm_up)
            began = bench_now();
        create_and_join(all);
    }
    bench_print(row, (bench_now() - began) / double(row->count * rounds), "ns");
}

static void create_cold(const bench_row *row)
{
    create_many(row, 0, 1);
}

static void create_hot(const bench_row *row)
{
    create_many(row, 3, rounds_hot);
}

static void create_in_bursts(const bench_row *row)
{
    std::vector<fibers::fiber> all(row->count);
    create_and_join(all);
    const double began = bench_cpu();
    for (size_t i = 0; i < BENCH_BURSTS; i++) {
        boost::this_fiber::sleep_for(std::chrono::milliseconds(BENCH_PAUSE_MS));
        create_and_join(all);
    }
    bench_print(row, (bench_cpu() - began) / double(row->count * BENCH_BURSTS), "ns");
}

/* --- queue ------------------------------------------------------------------------------------ */
template <typename Channel>
static void ping_pong(const bench_row *row, Channel &there, Channel &back)
{
    int item = 0;
    fibers::fiber fiber = spawn([&] {
        int *got;
        bench_touch_stack();
        for (size_t i = 0; i < trips; i++) {
            there.pop(got);
            back.push(got);
        }
    });
    yield();
    const double began = bench_now();
    for (size_t i = 0; i < trips; i++) {
        int *got = nullptr;
        there.push(&item);
        back.pop(got);
        bench_check(got == &item, "the same item");
    }
    const double taken = bench_now() - began;
    fiber.join();
    bench_print(row, taken / trips / 2, "ns");
}

static void ping_pong_unbuffered(const bench_row *row)
{
    fibers::unbuffered_channel<int *> there, back;
    ping_pong(row, there, back);
}

static void ping_pong_buffered(const bench_row *row)
{
    fibers::buffered_channel<int *> there(BENCH_QUEUE_CAPACITY), back(BENCH_QUEUE_CAPACITY);
    ping_pong(row, there, back);
}

static void stream(const bench_row *row)
{
    int item = 0, *got = nullptr;
    fibers::buffered_channel<int *> channel(BENCH_QUEUE_CAPACITY);
    fibers::fiber fiber = spawn([&] {
        bench_touch_stack();
        for (size_t i = 0; i < 4 * trips; i++)
            channel.push(&item);
    });
    yield();
    const double began = bench_now();
    for (size_t i = 0; i < 4 * trips; i++)
        channel.pop(got);
    const double taken = bench_now() - began;
    fiber.join();
    bench_print(row, taken / (4 * trips), "ns");
}

/* --- sync ------------------------------------------------------------------------------------- */
static fibers::mutex lock;

static void lock_uncontended(const bench_row *row)
{
    const double began = bench_now();
    for (size_t i = 0; i < uncontended; i++) {
        lock.lock();
        bench_barrier();
        lock.unlock();
        bench_barrier();
    }
    bench_print(row, (bench_now() - began) / uncontended, "ns");
}

static void takes_lock()
{
    bench_touch_stack();
    for (size_t i = 0; i < contended / 2; i++) {
        lock.lock();
        yield();
        lock.unlock();
    }
}

static void lock_contended(const bench_row *row)
{
    fibers::fiber one = spawn(takes_lock), other = spawn(takes_lock);
    const double began = bench_now();
    one.join();
    other.join();
    bench_print(row, (bench_now() - began) / contended, "ns");
}

static void event_wake(const bench_row *row)
{
    event ours, theirs;
    fibers::fiber fiber = spawn([&] {
        bench_touch_stack();
        for (size_t i = 0; i < contended / 2; i++) {
            theirs.wait_and_clear();
            ours.set();
        }
    });
    yield();
    const double began = bench_now();
    for (size_t i = 0; i < contended / 2; i++) {
        theirs.set();
        ours.wait_and_clear();
    }
    bench_print(row, (bench_now() - began) / contended, "ns");
    fiber.join();
}

/* --- timers and memory ------------------------------------------------------------------------ */
static size_t slept, parked;

static void sleepers(const bench_row *row)
{
    const double cpu = bench_cpu(), time = bench_now();
    slept = 0;
    for (size_t i = 0; i < row->count; i++)
        spawn([i] {
            bench_touch_stack();
            boost::this_fiber::sleep_for(std::chrono::milliseconds(bench_sleep_ms(i)));
            slept++;
        }).detach();
    while (slept < row->count)
        boost::this_fiber::sleep_for(std::chrono::milliseconds(1));
    bench_print_sleepers(row, cpu, time);
}

static void memory(const bench_row *row)
{
    bool done = false;
    fibers::mutex mutex;
    fibers::condition_variable condition;
    const double rss = bench_kib("VmRSS:"), tables = bench_kib("VmPTE:");
    parked = 0;
    for (size_t i = 0; i < row->count; i++)
        spawn([&] {
            bench_touch_stack();
            std::unique_lock<fibers::mutex> guard(mutex);
            parked++;
            condition.wait(guard, [&] { return done; });
            parked--;
        }).detach();
    while (parked < row->count)
        yield();
    bench_print_memory(row, rss, tables);
    done = true;
    condition.notify_all();
    while (parked > 0)
        yield();
}

static const bench_row rows[] = {
    {"yield, 2 tasks", yield_in_order, 2, nullptr, false},
    {"yield, 1,000 tasks", yield_in_order, 1000, nullptr, false},
    {"yield, 100,000 tasks", yield_in_order, 100000, nullptr, false},
    {"yield, 100,000 tasks, shuffled", yield_shuffled, 100000, nullptr, false},
    {"yield, 1,000,000 tasks", yield_in_order, 1000000, nullptr, true},
    {"create and join, one at a time", create_one_at_a_time, 0, nullptr, false},
    {"create 10,000, join all, cold", create_cold, 10000, nullptr, false},
    {"create 10,000, join all, hot", create_hot, 10000, nullptr, false},
    {"create 1,000, join all, in bursts", create_in_bursts, 1000, nullptr, false},
    {"queue ping-pong, unbuffered", ping_pong_unbuffered, 0, nullptr, false},
    {"queue ping-pong, buffered", ping_pong_buffered, 0, nullptr, false},
    {"queue stream, buffered", stream, 0, nullptr, false},
    {"lock, uncontended", lock_uncontended, 0, nullptr, false},
    {"lock, contended", lock_contended, 0, nullptr, false},
    {"event, wake", event_wake, 0, nullptr, false},
    {"100,000 sleepers", sleepers, 100000, nullptr, false},
    {"1,000,000 sleepers", sleepers, 1000000, nullptr, true},
    {"memory, 10,000 parked tasks", memory, 10000, nullptr, false},
    {"memory, 100,000 parked tasks", memory, 100000, nullptr, false},
    {"memory, 1,000,000 parked tasks", memory, 1000000, nullptr, true},
};

int main(int, char **argv)
{
    return bench_run(argv,
                     "Boost.Fiber " BOOST_LIB_VERSION
                     ", round_robin, pooled stacks of 64 KiB without guard pages",
                     rows, BENCH_COUNT(rows));
}
