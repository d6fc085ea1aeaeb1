#include "unit.h"

#include <string.h>

#include "common/err.h"
#include "common/store_telegram.h"
#include "fake_pg.h"

static struct pg *pg;
static struct arena arena;

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    arena_init(&arena);
    pg = pg_new("postgresql:///test", "test", &store_profile);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pg_free(pg);
    arena_release(&arena);
    fake_pg_end();
    return 0;
}

static void a_code_is_kept_as_the_sha_256_of_its_characters(void **state)
{
    char hash[STORE_TELEGRAM_HASH_MAX];

    (void)state;
    store_telegram_hash("abc", hash); /* FIPS 180-2, B.1 */
    assert_string_equal(hash,
                        "\\xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(strlen(hash), STORE_TELEGRAM_HASH_MAX - 1);
}

static void a_code_comes_with_the_bot_and_its_end(void **state)
{
    static const char *const cells[] = {"ok", "perch_bot", "2026-11-21T04:20:42.000Z"};
    struct store_telegram_code code;

    (void)state;
    fake_pg_answer("telegram_code_set", 1, 3, cells);
    assert_int_equal(store_telegram_code_set(pg, &arena, 5, "\\xab", &code), 0);
    assert_string_equal(code.bot, "perch_bot");
    assert_string_equal(code.expires_at, "2026-11-21T04:20:42.000Z");
    assert_string_equal(fake_pg.params[0], "5");
    assert_string_equal(fake_pg.params[1], "\\xab");
}

static void without_a_bot_there_is_no_code(void **state)
{
    static const char *const cells[] = {"telegram_off", NULL, NULL};
    struct store_telegram_code code;

    (void)state;
    fake_pg_answer("telegram_code_set", 1, 3, cells);
    assert_int_equal(store_telegram_code_set(pg, &arena, 5, "\\xab", &code), ERR_TELEGRAM_OFF);
}

static void who_is_linked_and_who_asks_are_read_apart(void **state)
{
    static const char *const cells[] = {"t",    "f",    "Anna",      NULL,    "77",
                                        "Bert", "bert", "perch_bot", "anna_k"};
    struct store_telegram telegram;

    (void)state;
    fake_pg_answer("telegram_get", 1, 9, cells);
    assert_int_equal(store_telegram_get(pg, &arena, 5, &telegram), 0);
    assert_true(telegram.linked);
    assert_false(telegram.blocked);
    assert_string_equal(telegram.chat.name, "Anna");
    assert_null(telegram.chat.username);
    assert_string_equal(telegram.pending.name, "Bert");
    assert_int_equal(telegram.pending_id, 77);
    assert_string_equal(telegram.pending.username, "bert");
    assert_string_equal(telegram.bot, "perch_bot");
    assert_string_equal(telegram.claim, "anna_k");
}

static void a_confirmation_wakes_both_accounts(void **state)
{
    static const char *const cells[] = {"ok", NULL, "a1", "5", "41", "{\"seq\":41}",
                                        "ok", NULL, "a1", "7", "9",  "{\"seq\":9}"};
    static const char *const nobody[] = {"not_found", NULL, NULL, NULL, NULL, NULL};
    struct store_change change;

    (void)state;
    fake_pg_answer("telegram_confirm", 2, 6, cells);
    assert_int_equal(store_telegram_confirm(pg, &arena, 5, 77, &change), 0);
    assert_int_equal(change.wake_count, 2);
    assert_int_equal(change.wakes[0].user_id, 5);
    assert_int_equal(change.wakes[1].user_id, 7);
    fake_pg_answer("telegram_confirm", 1, 6, nobody);
    assert_int_equal(store_telegram_confirm(pg, &arena, 5, 77, &change), ERR_NOT_FOUND);
}

#define store_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

static void an_update_is_put_into_the_inbox_with_the_hash_of_its_secret(void **state)
{
    static const char *const cells[] = {"ok"};
    static const char *const refused[] = {"unauthorized"};

    (void)state;
    fake_pg_answer("telegram_webhook", 1, 1, cells);
    assert_int_equal(store_telegram_webhook(pg, "\\xab", 7, "{\"update_id\":7}"), 0);
    assert_string_equal(fake_pg.params[0], "\\xab");
    assert_string_equal(fake_pg.params[1], "7");
    assert_string_equal(fake_pg.params[2], "{\"update_id\":7}");
    fake_pg_answer("telegram_webhook", 1, 1, refused);
    assert_int_equal(store_telegram_webhook(pg, "\\xab", 0, NULL), ERR_UNAUTHORIZED);
    assert_true(fake_pg.nulls[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_is_kept_as_the_sha_256_of_its_characters),
        store_test(a_code_comes_with_the_bot_and_its_end),
        store_test(without_a_bot_there_is_no_code),
        store_test(who_is_linked_and_who_asks_are_read_apart),
        store_test(a_confirmation_wakes_both_accounts),
        store_test(an_update_is_put_into_the_inbox_with_the_hash_of_its_secret),
    };

    return cmocka_run_group_tests_name("store_telegram", tests, NULL, NULL);
}
