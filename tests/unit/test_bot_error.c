#include "unit.h"

#include "notifier/bot_error.h"
#include "notifier/bot_reply.h"

#define BLOCKED "Forbidden: bot was blocked by the user"

struct answer {
    int status;
    const char *description; /* NULL: not the Bot API's JSON */
    int retry_after_s;
    enum bot_verdict verdict;
};

static enum bot_verdict verdict_of(int status, const char *description, int retry_after_s)
{
    const struct bot_reply reply = {.status = status,
                                    .sent = true,
                                    .understood = description != NULL,
                                    .retry_after_s = retry_after_s,
                                    .description = description ? description : "no JSON"};

    return bot_error_classify(&reply);
}

static void every_answer_has_its_verdict(void **state)
{
    static const struct answer answers[] = {
        {429, "Too Many Requests: retry after 35", 35, BOT_WAIT},
        {429, BLOCKED, 3600, BOT_WAIT},
        {401, "Unauthorized", 0, BOT_TOKEN_BAD},
        {404, "Not Found", 0, BOT_TOKEN_BAD},
        {404, "chat not found", 0, BOT_TOKEN_BAD},
        {403, BLOCKED, 0, BOT_LINK_DEAD},
        {403, "FORBIDDEN: BOT WAS BLOCKED BY THE USER", 0, BOT_LINK_DEAD},
        {403, "Forbidden: user is deactivated", 0, BOT_LINK_DEAD},
        {403, "Forbidden: bot can't initiate conversation with a user", 0, BOT_LINK_DEAD},
        {403, "Forbidden: bot was kicked from the group chat", 0, BOT_LINK_DEAD},
        {403, "Forbidden: bot can't send messages to bots", 0, BOT_DEAD_LETTER},
        {403, "Forbidden: message is too long", 0, BOT_DEAD_LETTER},
        {400, "Bad Request: chat not found", 0, BOT_LINK_DEAD},
        {400, "bad request: Chat Not Found", 0, BOT_LINK_DEAD},
        {400, "Bad Request: message is too long", 0, BOT_SHORTEN},
        {400, "Bad Request: MESSAGE_TOO_LONG", 0, BOT_SHORTEN},
        {400, "Bad Request: BUTTON_URL_INVALID", 0, BOT_SHORTEN},
        {400, "Bad Request: inline keyboard button URL 'x' is invalid: Wrong HTTP URL", 0,
         BOT_SHORTEN},
        {400, "Bad Request: can't parse entities: unsupported start tag", 0, BOT_SHORTEN},
        {400, "Bad Request: message is not modified", 0, BOT_DEAD_LETTER},
        {400, BLOCKED, 0, BOT_DEAD_LETTER},
        {400, "", 0, BOT_DEAD_LETTER},
        {413, "Request Entity Too Large", 0, BOT_DEAD_LETTER},
        {409, "Conflict: terminated by other getUpdates request", 0, BOT_CONFLICT},
        {409, "Conflict: can't use getUpdates method while webhook is active", 0, BOT_CONFLICT},
        {500, "Internal Server Error", 0, BOT_RETRY},
        {502, "Bad Gateway", 0, BOT_RETRY},
        {500, BLOCKED, 0, BOT_RETRY},
        {302, "", 0, BOT_RETRY},
        {200, "ok is false", 0, BOT_RETRY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        print_message("%d %s\n", answers[i].status, answers[i].description);
        assert_int_equal(
            verdict_of(answers[i].status, answers[i].description, answers[i].retry_after_s),
            answers[i].verdict);
    }
}

static void what_is_not_the_bot_apis_is_asked_again(void **state)
{
    static const int statuses[] = {200, 204, 301, 400, 401, 403, 404, 409, 429, 500, 502, 503};

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++)
        assert_int_equal(verdict_of(statuses[i], NULL, 0), BOT_RETRY);
}

static void a_limit_that_says_no_time_is_backed_off_from(void **state)
{
    (void)state;
    assert_int_equal(verdict_of(429, "Too Many Requests", 0), BOT_RETRY);
}

static void what_worked_is_ok(void **state)
{
    const struct bot_reply reply = {
        .status = 200, .sent = true, .understood = true, .ok = true, .description = ""};

    (void)state;
    assert_int_equal(bot_error_classify(&reply), BOT_OK);
}

static void without_an_answer_it_matters_whether_the_request_left(void **state)
{
    const struct bot_reply never = {.description = "Couldn't connect to server"};
    const struct bot_reply sent = {.sent = true, .description = "Timeout was reached"};

    (void)state;
    assert_int_equal(bot_error_classify(&never), BOT_RETRY);
    assert_int_equal(bot_error_classify(&sent), BOT_UNKNOWN);
}

static int64_t delay(enum bot_verdict verdict, int failures, uint32_t random)
{
    const struct bot_reply reply = {.retry_after_s = 35};

    return bot_error_delay_ms(verdict, &reply, failures, random);
}

static void retries_double_up_to_five_minutes_and_spread_by_a_fifth(void **state)
{
    static const int seconds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300};

    (void)state;
    for (int i = 0; i < (int)COUNT(seconds); i++) {
        int64_t middle = seconds[i] * INT64_C(1000);
        int64_t least = INT64_MAX;
        int64_t most = 0;

        for (uint32_t random = 0; random < 400000; random += 7) {
            int64_t ms = delay(BOT_RETRY, i, random);

            least = ms < least ? ms : least;
            most = ms > most ? ms : most;
        }
        assert_in_range(least, middle * 8 / 10, middle * 81 / 100);
        assert_in_range(most, middle * 119 / 100, middle * 12 / 10);
    }
    assert_in_range(delay(BOT_RETRY, INT32_MAX, UINT32_MAX), 240000, 360000);
}

static void a_limit_is_waited_for_and_up_to_a_second_more(void **state)
{
    const struct bot_reply longest = {.retry_after_s = BOT_REPLY_WAIT_MAX_S};

    (void)state;
    assert_int_equal(delay(BOT_WAIT, 0, 0), 35000);
    assert_int_equal(delay(BOT_WAIT, 9, 1000), 36000);
    for (uint32_t random = 0; random < 5000; random++)
        assert_in_range(delay(BOT_WAIT, 0, UINT32_MAX - random), 35000, 36000);
    assert_int_equal(bot_error_delay_ms(BOT_WAIT, &longest, 0, 0), 86400000);
}

static void a_conflict_backs_off_to_half_a_minute(void **state)
{
    static const int seconds[] = {3, 6, 12, 24, 30, 30};

    (void)state;
    for (int i = 0; i < (int)COUNT(seconds); i++)
        assert_int_equal(delay(BOT_CONFLICT, i, 12345), seconds[i] * 1000);
}

static void what_is_unknown_or_wants_another_token_waits_a_minute(void **state)
{
    (void)state;
    assert_int_equal(delay(BOT_UNKNOWN, 0, 12345), 60000);
    assert_int_equal(delay(BOT_UNKNOWN, 9, 12345), 60000);
    assert_int_equal(delay(BOT_TOKEN_BAD, 9, 12345), 60000);
}

static void what_does_not_depend_on_time_waits_for_nothing(void **state)
{
    static const enum bot_verdict verdicts[] = {BOT_OK, BOT_LINK_DEAD, BOT_SHORTEN,
                                                BOT_DEAD_LETTER};

    (void)state;
    for (size_t i = 0; i < COUNT(verdicts); i++)
        assert_int_equal(delay(verdicts[i], 3, 12345), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_has_its_verdict),
        cmocka_unit_test(what_is_not_the_bot_apis_is_asked_again),
        cmocka_unit_test(a_limit_that_says_no_time_is_backed_off_from),
        cmocka_unit_test(what_worked_is_ok),
        cmocka_unit_test(without_an_answer_it_matters_whether_the_request_left),
        cmocka_unit_test(retries_double_up_to_five_minutes_and_spread_by_a_fifth),
        cmocka_unit_test(a_limit_is_waited_for_and_up_to_a_second_more),
        cmocka_unit_test(a_conflict_backs_off_to_half_a_minute),
        cmocka_unit_test(what_is_unknown_or_wants_another_token_waits_a_minute),
        cmocka_unit_test(what_does_not_depend_on_time_waits_for_nothing),
    };

    return cmocka_run_group_tests_name("bot_error", tests, NULL, NULL);
}
