#include "unit.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "notifier/bot_api.h"
#include "notifier/notifier.h"
#include "notifier/pace.h"
#include "notifier/policy.h"

enum { GAP = POLICY_CHAT_GAP_MS, TICK = POLICY_BOT_GAP_MS };

static struct notifier notifier;
static struct pace *pace;
static int64_t now;
static struct buf happened; /* what happened: "turn 1 ", "done 1 " */
static int bad_tokens;
static int idles;

struct bot_call {
    bot_api_done *done;
    void *argument;
};
static struct bot_call calls[8]; /* that are under way; those without done() are free */

/* In the place of bot_api.c: nothing is answered before the test says so. */
struct bot_call *bot_api_call(struct bot_api *api, const char *method, const char *body,
                              int timeout_ms, bot_api_done *done, void *argument)
{
    struct bot_call *call = calls;

    (void)api;
    (void)timeout_ms;
    assert_string_equal(method, "sendMessage");
    assert_string_equal(body, "{}");
    while (call->done != NULL)
        call++;
    *call = (struct bot_call){done, argument};
    return call;
}

void bot_call_cancel(struct bot_call *call)
{
    call->done = NULL;
}

/* In the place of notifier.c. */
int64_t notifier_now(void)
{
    return now;
}

uint32_t notifier_random(void)
{
    return 0;
}

void notifier_token_bad(struct notifier *of)
{
    assert_ptr_equal(of, &notifier);
    bad_tokens++;
}

struct asked {
    int name;
    bool holds; /* does not leave when it is done */
    struct pace_request request;
    struct bot_call *call;
};

static void on_turn(void *argument)
{
    struct asked *asked = argument;

    buf_addf(&happened, "turn %d ", asked->name);
    pace_send(&asked->request, METRICS_MESSAGE, "sendMessage", "{}");
}

static void on_done(void *argument, const struct pace_answer *answer)
{
    struct asked *asked = argument;

    buf_addf(&happened, "done %d ", asked->name);
    assert_int_equal(answer->chat_retry_at != 0, answer->verdict == BOT_WAIT);
    if (answer->bot_retry_at != 0)
        buf_adds(&happened, "all ");
    if (!asked->holds)
        pace_leave(&asked->request);
}

static void ask(struct asked *asked, int name, int64_t chat, enum pace_class class)
{
    *asked = (struct asked){
        .name = name,
        .request =
            {.chat_id = chat, .class = class, .turn = on_turn, .done = on_done, .argument = asked},
    };
    pace_ask(pace, &asked->request);
}

/* The loop's timers are real ones, so a turn of it that is due is made to come by a change. */
static void pass(int64_t ms)
{
    now += ms;
    for (int i = 0; i < 16; i++) {
        pace_go(pace);
        assert_true(event_base_loop(notifier.base, EVLOOP_NONBLOCK) >= 0);
    }
}

static void answer(struct asked *asked, int status, const char *body)
{
    struct bot_reply reply = {.sent = true};
    struct bot_call *call = calls;

    while (call->argument != &asked->request || call->done == NULL)
        call++;
    bot_api_done *done = call->done;
    call->done = NULL;
    bot_reply_read(&reply, status, body, strlen(body));
    done(&asked->request, &reply);
    bot_reply_release(&reply);
}

#define OK "{\"ok\":true,\"result\":{\"message_id\":1}}"
#define TOO_MANY                                                              \
    "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests\"," \
    "\"parameters\":{\"retry_after\":3}}"
#define BAD_TOKEN "{\"ok\":false,\"error_code\":401,\"description\":\"Unauthorized\"}"

static void expect(const char *wanted)
{
    assert_string_equal(happened.data, wanted);
    buf_clear(&happened);
    buf_adds(&happened, "");
}

static int begin(void **state)
{
    (void)state;
    now = INT64_C(1800000000000);
    memset(&notifier, 0, sizeof(notifier));
    memset(calls, 0, sizeof(calls));
    bad_tokens = idles = 0;
    buf_clear(&happened);
    buf_adds(&happened, "");
    notifier.base = event_base_new();
    pace = pace_new(&notifier);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pace_free(pace);
    event_base_free(notifier.base);
    buf_release(&happened);
    return 0;
}

static void it_begins_with_the_pause_that_the_one_before_may_have_owed(void **state)
{
    struct asked one;

    (void)state;
    ask(&one, 1, 7, PACE_NEWS);
    pass(GAP - 1);
    expect("");
    pass(1);
    expect("turn 1 ");
    answer(&one, 200, OK);
    expect("done 1 ");
    assert_int_equal(notifier.metrics.sent[METRICS_MESSAGE], 1);
}

static void one_chat_has_one_request_and_a_pause_after_its_answer(void **state)
{
    struct asked one;
    struct asked two;

    (void)state;
    ask(&one, 1, 7, PACE_NEWS);
    ask(&two, 2, 7, PACE_NEWS);
    pass(GAP);
    expect("turn 1 ");
    pass(10 * GAP);
    expect("");
    answer(&one, 200, OK);
    pass(GAP - 1);
    expect("done 1 ");
    pass(1);
    expect("turn 2 ");
    answer(&two, 200, OK);
    expect("done 2 ");
}

static void the_chat_is_its_owners_until_it_leaves(void **state)
{
    struct asked one;
    struct asked two;

    (void)state;
    ask(&one, 1, 7, PACE_NEWS);
    one.holds = true;
    ask(&two, 2, 7, PACE_NEWS);
    pass(GAP);
    answer(&one, 200, OK);
    pass(10 * GAP);
    expect("turn 1 done 1 ");
    pace_leave(&one.request);
    pass(0);
    expect("turn 2 ");
    pace_leave(&two.request);
}

static void chats_take_turns_at_the_bots_rate_and_answers_go_first(void **state)
{
    struct asked asked[4];

    (void)state;
    ask(&asked[0], 1, 1, PACE_NEWS);
    ask(&asked[1], 2, 2, PACE_NEWS);
    ask(&asked[2], 3, 3, PACE_ANSWERS);
    pass(GAP);
    expect("turn 3 ");
    pass(TICK - 1);
    expect("");
    pass(1);
    expect("turn 1 ");
    ask(&asked[3], 4, 4, PACE_ANSWERS);
    pass(TICK);
    expect("turn 4 ");
    pass(TICK);
    expect("turn 2 ");
    for (size_t i = 0; i < COUNT(asked); i++)
        pace_leave(&asked[i].request);
}

static void however_many_answers_wait_every_second_turn_is_the_news(void **state)
{
    struct asked answers[5];
    struct asked news[2];

    (void)state;
    for (int i = 0; i < 3; i++)
        ask(&answers[i], i, i, PACE_ANSWERS);
    pass(GAP);
    pass(TICK);
    for (int i = 3; i < 5; i++)
        ask(&answers[i], i, i, PACE_ANSWERS);
    for (int i = 0; i < 2; i++)
        ask(&news[i], 10 + i, 10 + i, PACE_NEWS);
    expect("turn 0 turn 1 ");
    for (int i = 0; i < 5; i++)
        pass(TICK);
    expect("turn 2 turn 10 turn 3 turn 11 turn 4 ");
    for (size_t i = 0; i < COUNT(answers); i++)
        pace_leave(&answers[i].request);
    for (size_t i = 0; i < COUNT(news); i++)
        pace_leave(&news[i].request);
}

static void news_that_cannot_go_keep_no_answer_waiting(void **state)
{
    struct asked asked[4];

    (void)state;
    ask(&asked[0], 1, 1, PACE_NEWS);
    ask(&asked[1], 2, 1, PACE_NEWS);
    ask(&asked[2], 3, 3, PACE_ANSWERS);
    ask(&asked[3], 4, 4, PACE_ANSWERS);
    pass(GAP);
    for (int i = 0; i < 3; i++)
        pass(TICK);
    expect("turn 3 turn 1 turn 4 ");
    for (size_t i = 0; i < COUNT(asked); i++)
        pace_leave(&asked[i].request);
}

static void a_turn_that_comes_late_does_not_slow_down_the_rest(void **state)
{
    struct asked asked[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        ask(&asked[i], i, i, PACE_NEWS);
    pass(GAP);
    pass(TICK + TICK / 2);
    expect("turn 0 turn 1 ");
    pass(TICK / 2);
    expect("turn 2 ");
    pass(TICK);
    expect("turn 3 ");
    for (size_t i = 0; i < COUNT(asked); i++)
        pace_leave(&asked[i].request);
}

static void a_429_rests_the_chat_and_a_second_ones_everybody(void **state)
{
    struct asked one;
    struct asked two;
    struct asked three;

    (void)state;
    ask(&one, 1, 1, PACE_NEWS);
    pass(GAP);
    unit_stderr_begin();
    answer(&one, 429, TOO_MANY);
    ask(&one, 1, 1, PACE_NEWS);
    ask(&two, 2, 2, PACE_NEWS);
    pass(TICK);
    expect("turn 1 done 1 turn 2 ");
    answer(&two, 429, TOO_MANY);
    unit_stderr_end();
    expect("done 2 all ");
    ask(&three, 3, 3, PACE_NEWS);
    assert_false(pace_rests(&two.request, 0));
    assert_true(pace_rests(&three.request, 2999));
    assert_false(pace_rests(&three.request, 3000));
    pass(2999);
    expect("");
    pass(1);
    pass(TICK);
    expect("turn 1 turn 3 ");
    pace_leave(&one.request);
    pace_leave(&three.request);
}

static void a_bad_token_is_told_and_nothing_goes_while_it_is_stopped(void **state)
{
    struct asked one;
    struct asked two;

    (void)state;
    ask(&one, 1, 1, PACE_NEWS);
    pass(GAP);
    answer(&one, 401, BAD_TOKEN);
    assert_int_equal(bad_tokens, 1);
    expect("turn 1 done 1 ");
    ask(&two, 2, 2, PACE_NEWS);
    pace_stop(pace);
    now += TICK;
    assert_true(event_base_loop(notifier.base, EVLOOP_NONBLOCK) >= 0);
    expect("");
    pass(0);
    expect("turn 2 ");
    pace_leave(&two.request);
}

static void on_idle(void *argument)
{
    assert_ptr_equal(argument, &idles);
    idles++;
}

static void the_end_waits_for_those_who_have_their_turn(void **state)
{
    struct asked one;
    struct asked two;

    (void)state;
    ask(&one, 1, 1, PACE_NEWS);
    pass(GAP);
    ask(&two, 2, 2, PACE_NEWS);
    pace_end(pace, on_idle, &idles);
    assert_true(event_base_loop(notifier.base, EVLOOP_NONBLOCK) >= 0);
    assert_int_equal(idles, 0);
    now += GAP;
    answer(&one, 200, OK);
    assert_true(event_base_loop(notifier.base, EVLOOP_NONBLOCK) >= 0);
    assert_int_equal(idles, 1);
    expect("turn 1 done 1 ");
    pace_leave(&two.request);
}

#define pace_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        pace_test(it_begins_with_the_pause_that_the_one_before_may_have_owed),
        pace_test(one_chat_has_one_request_and_a_pause_after_its_answer),
        pace_test(the_chat_is_its_owners_until_it_leaves),
        pace_test(chats_take_turns_at_the_bots_rate_and_answers_go_first),
        pace_test(however_many_answers_wait_every_second_turn_is_the_news),
        pace_test(news_that_cannot_go_keep_no_answer_waiting),
        pace_test(a_turn_that_comes_late_does_not_slow_down_the_rest),
        pace_test(a_429_rests_the_chat_and_a_second_ones_everybody),
        pace_test(a_bad_token_is_told_and_nothing_goes_while_it_is_stopped),
        pace_test(the_end_waits_for_those_who_have_their_turn),
    };

    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
