/* SPDX-License-Identifier: MIT */
/* A task adds up a range of numbers by creating two tasks for its halves, and so do these, down to
 * a thousand leaves that each take a second. */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>

struct range {
    int first;
    int last;
};

/* The result of a task is an int: here the sum itself. */
static int sum(void *arg)
{
    const struct range *range = arg;
    if (range->first == range->last) {
        const int rc = coro_sleep(CORO_SECOND);
        return rc < 0 ? rc : range->first;
    }
    const int middle = range->first + (range->last - range->first) / 2;
    struct range low = {range->first, middle};
    struct range high = {middle + 1, range->last};
    coro_task *of_low = coro_create_task(sum, &low);
    coro_task *of_high = coro_create_task(sum, &high);
    const int low_sum = coro_join(of_low, NULL);
    const int high_sum = coro_join(of_high, NULL);
    if (low_sum < 0)
        return low_sum;
    return high_sum < 0 ? high_sum : low_sum + high_sum;
}

static int tree_main(void *arg)
{
    (void)arg;
    const coro_time began = coro_now();
    struct range all = {1, 1000};
    const int total = sum(&all);
    if (total < 0)
        return total;
    printf("1 + 2 + ... + 1000 = %d\n", total);
    printf("%.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    return 0;
}

int main(void)
{
    return coro_run(tree_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
