/* SPDX-License-Identifier: MIT */
#include "sched/alarm.h"

int coro__alarm_set(struct coro__loop *loop, struct coro__alarm *alarm,
                    void (*run)(struct coro__ready *ready, struct coro__callback *callback),
                    coro_duration after)
{
    if (coro__ready_reserve(&loop->ready, 1) < 0)
        return -ENOMEM;
    coro__timer_init(&alarm->timer, run);
    const int rc =
        coro__loop_start_timer(loop, &alarm->timer, coro__time_after(coro__loop_now(loop), after));
    alarm->set = rc == 0;
    if (rc < 0)
        coro__ready_unreserve(&loop->ready, 1);
    return rc;
}

void coro__alarm_clear(struct coro__loop *loop, struct coro__alarm *alarm)
{
    if (!alarm->set)
        return;
    alarm->set = false;
    coro__loop_stop_timer(loop, &alarm->timer);
    coro__ready_unreserve(&loop->ready, 1);
}

struct coro__alarm *coro__alarm_ran(struct coro__ready *ready, struct coro__callback *callback)
{
    struct coro__alarm *alarm = CORO__CONTAINER_OF(callback, struct coro__alarm, timer.callback);
    alarm->set = false;
    coro__ready_unreserve(ready, 1);
    return alarm;
}
