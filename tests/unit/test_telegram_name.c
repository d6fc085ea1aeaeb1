#include "unit.h"

#include <stdio.h>

#include "common/err.h"
#include "fake_request.h"
#include "fcgi-app/telegram_name.h"

static struct fake_request fake;

static int fake_begin(void **state)
{
    (void)state;
    fake_request_begin(&fake, NULL, NULL);
    return 0;
}

static int fake_end(void **state)
{
    (void)state;
    fake_request_end(&fake);
    return 0;
}

static void assert_name(const char *given, const char *text, const char *key)
{
    char json[256];
    const char *ret_text = NULL;
    const char *ret_key = NULL;

    snprintf(json, sizeof(json), "{\"telegram\":\"%s\"}", given);
    fake_request_body(&fake, json);
    if (telegram_name_field(&fake.request, &fake.response, &ret_text, &ret_key) != 0)
        fail_msg("'%s' was refused", given);
    assert_string_equal(ret_text, text);
    assert_string_equal(ret_key, key);
}

static void names_are_unique_without_case_and_at_sign(void **state)
{
    (void)state;
    assert_name("@Alice_K", "@Alice_K", "@alice_k");
    assert_name("Alice_K", "@Alice_K", "@alice_k");
    assert_name("  @alice\\n", "@alice", "@alice");
    assert_name("a123", "@a123", "@a123");
    assert_name("ABCDEFGHIJKLMNOPQRSTUVWXYZ_01234", "@ABCDEFGHIJKLMNOPQRSTUVWXYZ_01234",
                "@abcdefghijklmnopqrstuvwxyz_01234");
}

static void digits_are_a_numeric_id(void **state)
{
    (void)state;
    assert_name("123456789", "123456789", "123456789");
    assert_name(" 7 ", "7", "7");
    assert_name("4503599627370495", "4503599627370495", "4503599627370495");
    assert_name("@123456789", "@123456789", "@123456789");
}

static void absent_and_null_are_none(void **state)
{
    static const char *const bodies[] = {"{}", "{\"telegram\":null}"};

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        const char *text = "x";
        const char *key = "x";

        fake_request_body(&fake, bodies[i]);
        assert_int_equal(telegram_name_field(&fake.request, &fake.response, &text, &key), 0);
        assert_null(text);
        assert_null(key);
    }
}

static void anything_else_is_refused(void **state)
{
    static const char *const values[] = {
        "\"\"",
        "\"  \"",
        "\"@\"",
        "\"@abc\"",
        "\"abc\"",
        "\"@@alice\"",
        "\"@ alice\"",
        "\"ali ce\"",
        "\"alice!\"",
        "\"al-ice\"",
        "\"t.me/alice\"",
        "\"https://t.me/alice\"",
        "\"Алиса\"",
        "\"alicé\"",
        "\"ABCDEFGHIJKLMNOPQRSTUVWXYZ_012345\"",
        "\"0\"",
        "\"0123456\"",
        "\"-1001234567890\"",
        "\"12345678901234567\"",
        "123456789",
        "true",
        "[\"@alice\"]",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        const char *text = NULL;
        const char *key = NULL;
        char json[256];

        snprintf(json, sizeof(json), "{\"telegram\":%s}", values[i]);
        fake_request_body(&fake, json);
        if (telegram_name_field(&fake.request, &fake.response, &text, &key) != ERR_INVALID)
            fail_msg("%s was taken for a Telegram name", values[i]);
        assert_string_equal(fake.response.field, "telegram");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_unique_without_case_and_at_sign, fake_begin,
                                        fake_end),
        cmocka_unit_test_setup_teardown(digits_are_a_numeric_id, fake_begin, fake_end),
        cmocka_unit_test_setup_teardown(absent_and_null_are_none, fake_begin, fake_end),
        cmocka_unit_test_setup_teardown(anything_else_is_refused, fake_begin, fake_end),
    };

    return cmocka_run_group_tests_name("telegram_name", tests, NULL, NULL);
}
