/* SPDX-License-Identifier: MIT */
/* Boost.Context: fibers that are switched to, without a scheduler; stacks from a pool. */
#include "bench.h"

#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/version.hpp>

namespace ctx = boost::context;

static constexpr size_t switches = 10000000, creations = 500000, stack_size = 64 * 1024;

static void bench_switch(const bench_row *row)
{
    bool stopped = false;
    ctx::fiber fiber{std::allocator_arg, ctx::pooled_fixedsize_stack(stack_size),
                     [&](ctx::fiber &&back) {
                         bench_touch_stack();
                         while (!stopped)
                             back = std::move(back).resume();
                         return std::move(back);
                     }};
    fiber = std::move(fiber).resume();
    const double began = bench_now();
    for (size_t i = 0; i < switches; i += 2)
        fiber = std::move(fiber).resume();
    bench_print(row, (bench_now() - began) / switches, "ns");
    stopped = true;
    fiber = std::move(fiber).resume();
}

static void create_one_at_a_time(const bench_row *row)
{
    ctx::pooled_fixedsize_stack stacks(stack_size);
    double began = 0;
    for (size_t i = 0; i < creations + 1000; i++) {
        if (i == 1000)
            began = bench_now();
        ctx::fiber fiber{std::allocator_arg, stacks, [](ctx::fiber &&back) {
                             bench_touch_stack();
                             return std::move(back);
                         }};
        fiber = std::move(fiber).resume();
        bench_check(!fiber, "it has ended");
    }
    bench_print(row, (bench_now() - began) / creations, "ns");
}

static const bench_row rows[] = {
    {"raw switch", bench_switch, 0, nullptr, false},
    {"create and join, one at a time", create_one_at_a_time, 0, nullptr, false},
};

int main(int, char **argv)
{
    return bench_run(
        argv, "Boost.Context " BOOST_LIB_VERSION ", pooled stacks of 64 KiB without guard pages",
        rows, BENCH_COUNT(rows));
}
