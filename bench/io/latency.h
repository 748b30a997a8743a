/* SPDX-License-Identifier: MIT */
/* A histogram of times: 64 classes for each doubling, so within 1.6 %. */
#ifndef BENCH_IO_LATENCY_H
#define BENCH_IO_LATENCY_H

#include <stdint.h>

enum { LATENCY_BITS = 6, LATENCY_CLASSES = 1 << LATENCY_BITS, LATENCY_DOUBLINGS = 40 };

struct latency {
    uint64_t counts[LATENCY_DOUBLINGS * LATENCY_CLASSES];
    uint64_t total;
};

static inline unsigned latency_class(uint64_t ns)
{
    unsigned doublings = 0;
    for (; ns >= 2 * LATENCY_CLASSES && doublings < LATENCY_DOUBLINGS - 2; ns >>= 1)
        doublings++;
    return doublings * LATENCY_CLASSES +
           (unsigned)(ns < 2 * LATENCY_CLASSES ? ns : 2 * LATENCY_CLASSES - 1);
}

static inline void latency_add(struct latency *latency, double ns)
{
    latency->counts[latency_class((uint64_t)ns)]++;
    latency->total++;
}

/* The time that this share of all took at most, in nanoseconds. */
static inline double latency_quantile(const struct latency *latency, double share)
{
    const double wanted = share * (double)latency->total;
    double sum = 0;
    unsigned i = 0;
    for (; i + 1 < LATENCY_DOUBLINGS * LATENCY_CLASSES; i++) {
        sum += (double)latency->counts[i];
        if (sum >= wanted)
            break;
    }
    const unsigned doublings = i < 2 * LATENCY_CLASSES ? 0 : i / LATENCY_CLASSES - 1;
    return (double)((uint64_t)(i - doublings * LATENCY_CLASSES) << doublings);
}

#endif
