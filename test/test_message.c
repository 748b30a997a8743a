/* SPDX-License-Identifier: MIT */
/* Messages: their text, and their references. */
#include "support.h"

#include "util/message.h"

#include <stdlib.h>

static struct coro__message *format(int error, const char *text, ...) CORO_PRINTF(2, 3);

static struct coro__message *format(int error, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    struct coro__message *message = coro__message_format(error, text, args);
    va_end(args);
    return message;
}

START_TEST(a_message_is_formatted_and_knows_its_error)
{
    struct coro__message *message = format(-ENOENT, "%s %d", "user", 7);
    ck_assert_str_eq(message->text, "user 7");
    ck_assert_int_eq(message->error, -ENOENT);
    ck_assert_uint_eq(message->references, 1);
    coro__message_release(message);
}
END_TEST

START_TEST(a_message_may_be_empty_or_long)
{
    char text[10000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct coro__message *empty = format(-EIO, "%s", ""), *large = format(-EIO, "%s", text);
    ck_assert_str_eq(empty->text, "");
    ck_assert_str_eq(large->text, text);
    coro__message_release(empty);
    coro__message_release(large);
}
END_TEST

START_TEST(a_copy_is_not_formatted)
{
    char text[] = "100%s";
    struct coro__message *message = coro__message_copy(-EIO, text);
    text[0] = '-';
    ck_assert_str_eq(message->text, "100%s");
    coro__message_release(message);
}
END_TEST

START_TEST(the_last_reference_frees_it)
{
    struct coro__message *message = coro__message_copy(-EIO, "text");
    ck_assert_ptr_eq(coro__message_retain(message), message);
    coro__message_release(message);
    ck_assert_str_eq(message->text, "text");
    coro__message_release(message); /* or Valgrind and ASan report a leak */
    ck_assert_ptr_null(coro__message_retain(NULL));
    coro__message_release(NULL);
}
END_TEST

START_TEST(a_slot_gives_up_what_it_held)
{
    struct coro__message *slot = NULL, *first = coro__message_copy(-EIO, "first");
    coro__message_set(&slot, coro__message_retain(first));
    ck_assert_ptr_eq(slot, first);
    coro__message_set(&slot, coro__message_copy(-EIO, "second"));
    ck_assert_str_eq(slot->text, "second");
    ck_assert_uint_eq(first->references, 1);
    coro__message_set(&slot, NULL);
    ck_assert_ptr_null(slot);
    coro__message_release(first);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_message_is_formatted_and_knows_its_error,
        a_message_may_be_empty_or_long,
        a_copy_is_not_formatted,
        the_last_reference_frees_it,
        a_slot_gives_up_what_it_held,
        NULL,
    };
    return run_suite("message", tests);
}
