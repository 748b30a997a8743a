/* SPDX-License-Identifier: MIT */
/* Lists: the links stay right whatever is put in and taken out. */
#include "support.h"

#include "util/list.h"

#include "util/compiler.h"

struct item {
    int number;
    struct coro__list link;
};

enum { ITEMS = 5 };
static struct coro__list list;
static struct item items[ITEMS];

static void set_up(int count)
{
    coro__list_init(&list);
    for (int i = 0; i < ITEMS; i++) {
        items[i].number = i;
        coro__list_init(&items[i].link);
        if (i < count)
            coro__list_push_back(&list, &items[i].link);
    }
}

/* The members as digits, which must be the same backwards. */
static void expect(const struct coro__list *head, const char *numbers)
{
    char forwards[16] = "", backwards[16] = "";
    size_t count = 0;
    for (struct coro__list *at = head->next; at != head; at = at->next)
        forwards[count++] = (char)('0' + CORO__CONTAINER_OF(at, struct item, link)->number);
    size_t left = count;
    for (struct coro__list *at = head->previous; at != head; at = at->previous)
        backwards[--left] = (char)('0' + CORO__CONTAINER_OF(at, struct item, link)->number);
    ck_assert_str_eq(forwards, numbers);
    ck_assert_str_eq(backwards, numbers);
    ck_assert_int_eq(coro__list_empty(head), count == 0);
}

START_TEST(a_new_list_is_empty)
{
    set_up(0);
    expect(&list, "");
}
END_TEST

START_TEST(members_are_pushed_at_both_ends)
{
    set_up(0);
    coro__list_push_back(&list, &items[1].link);
    coro__list_push_front(&list, &items[0].link);
    coro__list_push_back(&list, &items[2].link);
    expect(&list, "012");
}
END_TEST

START_TEST(a_member_is_inserted_before_another)
{
    set_up(3);
    coro__list_insert_before(&items[1].link, &items[4].link);
    expect(&list, "0412");
}
END_TEST

START_TEST(members_are_removed_anywhere)
{
    set_up(5);
    coro__list_remove(&items[2].link);
    expect(&list, "0134");
    coro__list_remove(&items[0].link);
    expect(&list, "134");
    coro__list_remove(&items[4].link);
    expect(&list, "13");
    coro__list_remove(&items[1].link);
    coro__list_remove(&items[3].link);
    expect(&list, "");
}
END_TEST

START_TEST(removing_again_changes_nothing)
{
    set_up(3);
    coro__list_remove(&items[1].link);
    coro__list_remove(&items[1].link);
    expect(&list, "02");
    coro__list_push_back(&list, &items[1].link);
    expect(&list, "021");
}
END_TEST

START_TEST(all_members_move_to_the_end_of_another_list)
{
    struct coro__list other;
    set_up(2);
    coro__list_init(&other);
    coro__list_push_back(&other, &items[3].link);
    coro__list_move_all(&other, &list);
    expect(&other, "301");
    expect(&list, "");
    coro__list_move_all(&other, &list); /* of nothing */
    expect(&other, "301");
    coro__list_move_all(&list, &other); /* to nothing */
    expect(&list, "301");
    expect(&other, "");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_list_is_empty,
        members_are_pushed_at_both_ends,
        a_member_is_inserted_before_another,
        members_are_removed_anywhere,
        removing_again_changes_nothing,
        all_members_move_to_the_end_of_another_list,
        NULL,
    };
    return run_suite("list", tests);
}
