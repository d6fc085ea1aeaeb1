#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "notifier/bot_reply.h"

#define FAILED "\"ok\":false,\"error_code\":429"

static void read_text(struct bot_reply *reply, int status, const char *text)
{
    *reply = (struct bot_reply){0};
    bot_reply_read(reply, status, text, strlen(text));
    assert_int_equal(reply->status, status);
    assert_non_null(reply->description);
}

static void a_result_is_what_the_api_says(void **state)
{
    struct bot_reply reply;

    (void)state;
    read_text(&reply, 200, "{\"ok\":true,\"result\":{\"message_id\":4503599627370495}}");
    assert_true(reply.understood && reply.ok);
    assert_string_equal(json_object_to_json_string_ext(reply.result, JSON_C_TO_STRING_PLAIN),
                        "{\"message_id\":4503599627370495}");
    assert_string_equal(reply.description, "");
    assert_int_equal(reply.retry_after_s, 0);
    bot_reply_release(&reply);
    assert_null(reply.answer);
}

static void a_refusal_has_its_words_and_its_wait(void **state)
{
    struct bot_reply reply;

    (void)state;
    read_text(&reply, 429,
              "{" FAILED ",\"description\":\"Too Many Requests: retry after 7\","
              "\"parameters\":{\"retry_after\":7},\"result\":1}");
    assert_true(reply.understood);
    assert_false(reply.ok);
    assert_null(reply.result);
    assert_int_equal(reply.retry_after_s, 7);
    assert_string_equal(reply.description, "Too Many Requests: retry after 7");
    bot_reply_release(&reply);
}

static void a_wait_is_a_number_of_seconds_up_to_a_day(void **state)
{
    static const struct {
        const char *parameters;
        int seconds;
    } cases[] = {
        {"{\"retry_after\":86399}", 86399},
        {"{\"retry_after\":9000000000000000000}", 86400},
        {"{\"retry_after\":-5}", 0},
        {"{\"retry_after\":\"7\"}", 0},
        {"{\"retry_after\":null}", 0},
        {"{\"migrate_to_chat_id\":-100}", 0},
        {"[7]", 0},
        {"null", 0},
    };
    char text[128];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bot_reply reply;

        snprintf(text, sizeof(text), "{" FAILED ",\"parameters\":%s}", cases[i].parameters);
        read_text(&reply, 429, text);
        assert_true(reply.understood);
        assert_int_equal(reply.retry_after_s, cases[i].seconds);
        assert_string_equal(reply.description, "");
        bot_reply_release(&reply);
    }
}

static void what_is_not_the_bot_apis_is_not_understood(void **state)
{
    static const char *const texts[] = {
        "",
        "null",
        "true",
        "[]",
        "{}",
        "{\"ok\":1}",
        "{\"ok\":\"true\",\"result\":1}",
        "{\"ok\":true,\"result\":1",
        "{\"ok\":true,\"ok\":false}",
        "<html><body>Bad Gateway</body></html>",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct bot_reply reply;

        read_text(&reply, 200, texts[i]);
        assert_false(reply.understood || reply.ok);
        assert_null(reply.result);
        assert_string_not_equal(reply.description, "");
        bot_reply_release(&reply);
    }
}

static void ok_needs_a_status_that_says_so_too(void **state)
{
    struct bot_reply reply;

    (void)state;
    read_text(&reply, 502, "{\"ok\":true,\"result\":true}");
    assert_true(reply.understood);
    assert_false(reply.ok);
    assert_null(reply.result);
    bot_reply_release(&reply);
}

/* What one person sends does not hide what the others did. */
static void a_nul_in_a_text_is_replaced(void **state)
{
    static const struct {
        const char *body, *wanted;
    } cases[] = {{"a\\u0000b", "a\xef\xbf\xbd"
                               "b"},
                 {"\\u0000\\u0000", "\xef\xbf\xbd\xef\xbf\xbd"},
                 {"\\\\u0000", "\\u0000"},
                 {"\\\\\\u0000", "\\\xef\xbf\xbd"},
                 {"\\u00001", "\xef\xbf\xbd"
                              "1"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bot_reply reply;
        char text[128];

        snprintf(text, sizeof text, "{\"ok\":true,\"result\":\"%s\"}", cases[i].body);
        read_text(&reply, 200, text);
        assert_true(reply.understood && reply.ok);
        assert_string_equal(json_object_get_string(reply.result), cases[i].wanted);
        bot_reply_release(&reply);
    }
}

static void a_body_that_ends_within_an_escape_is_not_understood(void **state)
{
    static const char *const texts[] = {"\\",       "\"\\",      "\"\\u",
                                        "\"\\u000", "\"\\u0000", "{\"ok\":true}\\"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct bot_reply reply;

        read_text(&reply, 200, texts[i]);
        assert_false(reply.understood);
        bot_reply_release(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_what_the_api_says),
        cmocka_unit_test(a_refusal_has_its_words_and_its_wait),
        cmocka_unit_test(a_wait_is_a_number_of_seconds_up_to_a_day),
        cmocka_unit_test(what_is_not_the_bot_apis_is_not_understood),
        cmocka_unit_test(ok_needs_a_status_that_says_so_too),
        cmocka_unit_test(a_nul_in_a_text_is_replaced),
        cmocka_unit_test(a_body_that_ends_within_an_escape_is_not_understood),
    };

    return cmocka_run_group_tests_name("bot_reply", tests, NULL, NULL);
}
