#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "notifier/policy.h"

#define NOW     INT64_C(1800000000000)
#define SECOND  INT64_C(1000)
#define MINUTE  (60 * SECOND)
#define HOUR    (60 * MINUTE)
#define FOREVER INT64_MAX

/* Members of a case, counted. */
#define DEVICES(...)                                                 \
    .presence.devices = (const struct policy_device[]){__VA_ARGS__}, \
    .presence.device_count = (int)COUNT(((const struct policy_device[]){__VA_ARGS__}))
#define SENDERS(...)                                                \
    .pending.senders = (const struct policy_sender[]){__VA_ARGS__}, \
    .pending.sender_count = (int)COUNT(((const struct policy_sender[]){__VA_ARGS__}))
#define ROWS(...)                                             \
    .pending.rows = (const struct policy_row[]){__VA_ARGS__}, \
    .pending.row_count = (int)COUNT(((const struct policy_row[]){__VA_ARGS__}))

/* A row of the sender, its position, how long ago it was written; further members may follow. */
#define ROW(of, position, ago, ...)                                               \
    {                                                                             \
        .sender = (of), .seq = (position), .created_at = NOW - (ago), __VA_ARGS__ \
    }
/* A window opened so long ago, of a length, edited so long ago; with Telegram's message. */
#define WINDOW(ago, which, edited)       \
    {                                    \
        .window = {                      \
            .opened_at = NOW - (ago),    \
            .step = (which),             \
            .edited_at = NOW - (edited), \
            .message_id = 5              \
        }                                \
    }
#define NEW_SENDER       \
    {                    \
        .muted_until = 0 \
    }
#define ACTIVE(acked, left)         \
    {                               \
        true, (acked), NOW + (left) \
    }
#define IDLE(acked, left)            \
    {                                \
        false, (acked), NOW + (left) \
    }

/* What most cases have in common, and the ways to differ. */
#define DELAY(s) .settings.delay_s = (s), .presence.known = true, .pending.linked = true
#define BASE     DELAY(60)
#define UNKNOWN(since) \
    .settings.delay_s = 60, .presence.unknown_since = (since), .pending.linked = true
#define UNLINKED .settings.delay_s = 60, .presence.known = true

struct policy_test {
    const char *name;
    struct policy_settings settings;
    struct policy_presence presence;
    struct policy_pending pending;
    enum policy_action action;
    int64_t at;        /* of POLICY_WAIT, from NOW */
    int sender;        /* of POLICY_SEND and POLICY_EDIT */
    const char *fates; /* k(eep), t(ake), r(emove) */
};

static const struct policy_test due_tests[] = {
    {"offline: a burst gathers for 2 s", BASE, SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 500)),
     .action = POLICY_WAIT, .at = 1500, .fates = "k"},
    {"offline: then it is sent", BASE, SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 2000)),
     .action = POLICY_SEND, .fates = "t"},
    {"offline: the delay is for idle devices only", DELAY(900), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 2000)), .action = POLICY_SEND, .fates = "t"},
    {"the oldest row takes the younger ones along", BASE, SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 2000), ROW(0, 10, 10)), .action = POLICY_SEND, .fates = "tt"},
    {"a lease that has ended is none", BASE, DEVICES(ACTIVE(9, 0)), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 2000)), .action = POLICY_SEND, .fates = "t"},
    {"idle: held for 60 s, and looked at again meanwhile", BASE, DEVICES(IDLE(9, 30 * SECOND)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 50 * SECOND)), .action = POLICY_WAIT, .at = POLICY_LOOK_MS,
     .fates = "k"},
    {"idle: no look later than its due time", BASE, DEVICES(IDLE(9, 30 * SECOND)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 58 * SECOND)), .action = POLICY_WAIT, .at = 2 * SECOND,
     .fates = "k"},
    {"idle: no look later than the end of the lease", BASE, DEVICES(IDLE(9, 300)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 10 * SECOND)), .action = POLICY_WAIT, .at = 300,
     .fates = "k"},
    {"idle: due after 60 s", BASE, DEVICES(IDLE(9, 30 * SECOND), IDLE(12, 9 * SECOND)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 60 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"idle: delay_s 900", DELAY(900), DEVICES(IDLE(9, 30 * SECOND)), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 899 * SECOND)), .action = POLICY_WAIT, .at = 1 * SECOND, .fates = "k"},
    {"idle: delay_s 900 is over", DELAY(900), DEVICES(IDLE(9, 30 * SECOND)), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 900 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"idle: delay_s has a bound", DELAY(90000), DEVICES(IDLE(9, 30 * SECOND)), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 900 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"idle: delay_s 0 still gathers a burst", DELAY(0), DEVICES(IDLE(9, 30 * SECOND)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 1 * SECOND)), .action = POLICY_WAIT, .at = 1 * SECOND,
     .fates = "k"},
    {"idle: delay_s 0 is 2 s", DELAY(0), DEVICES(IDLE(9, 30 * SECOND)), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 2 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"active: holds it, however long", BASE, DEVICES(ACTIVE(9, 30 * SECOND)), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 20 * HOUR)), .action = POLICY_WAIT, .at = POLICY_LOOK_MAX_MS, .fates = "k"},
    {"active: looked at again after a tenth of the time it has waited", BASE,
     DEVICES(ACTIVE(10, 30 * SECOND)), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 2 * MINUTE), ROW(0, 10, 3 * SECOND)), .action = POLICY_WAIT, .at = 12 * SECOND,
     .fates = "kk"},
    {"active: one of many devices holds it", BASE,
     DEVICES(IDLE(9, 30 * SECOND), ACTIVE(9, 40 * SECOND), IDLE(3, 1)), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 14 * SECOND)), .action = POLICY_WAIT, .at = 1, .fates = "k"},
    {"not acknowledged: counts for 15 s", BASE, DEVICES(ACTIVE(8, 30 * SECOND)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 14 * SECOND)), .action = POLICY_WAIT, .at = 1 * SECOND,
     .fates = "k"},
    {"not acknowledged: then as if offline", BASE, DEVICES(ACTIVE(8, 30 * SECOND)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 15 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"not acknowledged: an idle device that does leaves 60 s", BASE,
     DEVICES(ACTIVE(8, 30 * SECOND), IDLE(9, 30 * SECOND)), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 20 * SECOND)), .action = POLICY_WAIT, .at = POLICY_LOOK_MS, .fates = "k"},
    {"not acknowledged: such a device is there for no row", BASE, DEVICES(ACTIVE(9, 30 * SECOND)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 40 * SECOND), ROW(0, 10, 15 * SECOND)),
     .action = POLICY_SEND, .fates = "tt"},
    {"not acknowledged: a row that is over says nothing", BASE, DEVICES(ACTIVE(9, 30 * SECOND)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 40 * SECOND), ROW(0, 10, 15 * SECOND, .deleted = true)),
     .action = POLICY_WAIT, .at = POLICY_LOOK_MS, .fates = "kr"},
    {"unknown: held for 60 s", UNKNOWN(NOW - HOUR), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 57 * SECOND)), .action = POLICY_WAIT, .at = 3 * SECOND, .fates = "k"},
    {"unknown: looked at again, for it may be known soon", UNKNOWN(NOW - HOUR), SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 3 * SECOND)), .action = POLICY_WAIT, .at = POLICY_LOOK_MS, .fates = "k"},
    {"unknown: then sent", UNKNOWN(NOW - HOUR), SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 60 * SECOND)),
     .action = POLICY_SEND, .fates = "t"},
    {"unknown since a moment: an old row is held, too", UNKNOWN(NOW - 56 * SECOND),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, HOUR)), .action = POLICY_WAIT, .at = 4 * SECOND,
     .fates = "k"},
    {"unknown: a lease that is there counts", UNKNOWN(NOW - HOUR), DEVICES(ACTIVE(9, 30 * SECOND)),
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 80 * SECOND)), .action = POLICY_WAIT, .at = 8 * SECOND,
     .fates = "k"},
};

static const struct policy_test over_tests[] = {
    {"nothing waits", BASE, SENDERS(NEW_SENDER), .action = POLICY_DROP, .fates = ""},
    {"read", BASE, SENDERS(NEW_SENDER), ROWS(ROW(0, 9, HOUR, .read = true)), .action = POLICY_DROP,
     .fates = "r"},
    {"deleted", BASE, SENDERS(NEW_SENDER), ROWS(ROW(0, 9, HOUR, .deleted = true)),
     .action = POLICY_DROP, .fates = "r"},
    {"what is left is sent", BASE, SENDERS(NEW_SENDER),
     ROWS(ROW(0, 8, HOUR, .read = true), ROW(0, 9, 9 * SECOND), ROW(0, 10, 1, .deleted = true)),
     .action = POLICY_SEND, .fates = "rtr"},
    {"the link is dead", UNLINKED, SENDERS(NEW_SENDER), ROWS(ROW(0, 9, HOUR), ROW(0, 9, 1)),
     .action = POLICY_DROP, .fates = "rr"},
    {"everything is muted", BASE, .settings.muted_until = NOW + 1, SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, HOUR)), .action = POLICY_DROP, .fates = "r"},
    {"the mute is over", BASE, .settings.muted_until = NOW, SENDERS({.muted_until = NOW}),
     ROWS(ROW(0, 9, HOUR)), .action = POLICY_SEND, .fates = "t"},
    {"the dialog is muted, another one is not", BASE, SENDERS({.muted_until = FOREVER}, NEW_SENDER),
     ROWS(ROW(0, 9, HOUR), ROW(1, 10, 9 * SECOND)), .action = POLICY_SEND, .sender = 1,
     .fates = "rt"},
    {"a day old", BASE, SENDERS(NEW_SENDER), ROWS(ROW(0, 9, 24 * HOUR), ROW(0, 10, 24 * HOUR - 1)),
     .action = POLICY_SEND, .fates = "rt"},
    {"muted while active: gone, not held", BASE, DEVICES(ACTIVE(9, 30 * SECOND)),
     SENDERS({.muted_until = FOREVER}), ROWS(ROW(0, 9, 5)), .action = POLICY_DROP, .fates = "r"},
    {"asked twice without an answer", BASE, SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, HOUR, .unanswered = 2), ROW(0, 10, HOUR, .unanswered = 1)),
     .action = POLICY_SEND, .fates = "rt"},
};

static const struct policy_test hold_tests[] = {
    {"retry_after of the chat", BASE, .pending.retry_at = NOW + 4000 * SECOND, SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, HOUR)), .action = POLICY_WAIT, .at = 4000 * SECOND, .fates = "k"},
    {"retry_after is over", BASE, .pending.retry_at = NOW, SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, 9 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"a row's own retry_at", BASE, SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, HOUR, .retry_at = NOW + 40 * SECOND)), .action = POLICY_WAIT, .at = 40 * SECOND,
     .fates = "k"},
    {"a row that waits for its retry holds up no other", BASE, SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, HOUR, .retry_at = NOW + 40 * SECOND), ROW(0, 10, 9 * SECOND)),
     .action = POLICY_SEND, .fates = "kt"},
    {"nor another sender's, and makes no digest", BASE, SENDERS(NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 9, HOUR, .retry_at = NOW + 40 * SECOND), ROW(1, 10, 9 * SECOND)),
     .action = POLICY_SEND, .sender = 1, .fates = "kt"},
    {"quiet hours", BASE, .settings.quiet_until = NOW + 7 * HOUR, SENDERS(NEW_SENDER),
     ROWS(ROW(0, 9, HOUR)), .action = POLICY_WAIT, .at = 7 * HOUR, .fates = "k"},
    {"quiet hours: what was read meanwhile goes", BASE, .settings.quiet_until = NOW + 7 * HOUR,
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, HOUR, .read = true)), .action = POLICY_DROP, .fates = "r"},
    {"quiet hours: no edit either", BASE, .settings.quiet_until = NOW + HOUR,
     SENDERS(WINDOW(20 * SECOND, 0, 20 * SECOND)), ROWS(ROW(0, 9, 9 * SECOND)),
     .action = POLICY_WAIT, .at = HOUR, .fates = "k"},
};

static const struct policy_test burst_tests[] = {
    {"inside the window the message is edited", BASE, SENDERS(WINDOW(30 * SECOND, 0, 3 * SECOND)),
     ROWS(ROW(0, 9, 2 * SECOND)), .action = POLICY_EDIT, .fates = "t"},
    {"at most every 3 s", BASE, SENDERS(WINDOW(30 * SECOND, 0, 1 * SECOND)),
     ROWS(ROW(0, 9, 10 * SECOND)), .action = POLICY_WAIT, .at = 2 * SECOND, .fates = "k"},
    {"at the end of the window a new one", BASE, SENDERS(WINDOW(60 * SECOND, 0, 1 * SECOND)),
     ROWS(ROW(0, 9, 2 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"no edit is waited for longer than the window is open", BASE,
     SENDERS(WINDOW(59 * SECOND, 0, 1)), ROWS(ROW(0, 9, 10 * SECOND)), .action = POLICY_WAIT,
     .at = 1 * SECOND, .fates = "k"},
    {"windows of 5 minutes", BASE, SENDERS(WINDOW(5 * MINUTE - 1, 1, 9 * SECOND)),
     ROWS(ROW(0, 9, 9 * SECOND)), .action = POLICY_EDIT, .fates = "t"},
    {"of 15", BASE, SENDERS(WINDOW(15 * MINUTE - 1, 2, 9 * SECOND)), ROWS(ROW(0, 9, 9 * SECOND)),
     .action = POLICY_EDIT, .fates = "t"},
    {"of 60", BASE, SENDERS(WINDOW(60 * MINUTE - 1, 3, 9 * SECOND)), ROWS(ROW(0, 9, 9 * SECOND)),
     .action = POLICY_EDIT, .fates = "t"},
    {"60 minutes end", BASE, SENDERS(WINDOW(60 * MINUTE, 3, 9 * SECOND)),
     ROWS(ROW(0, 9, 9 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"something read closes it", BASE,
     SENDERS(
         {.window = {.opened_at = NOW - 10 * SECOND, .step = 3, .message_id = 5, .read = true}}),
     ROWS(ROW(0, 9, 2 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"with no message to edit it lasts a minute", BASE,
     SENDERS({.window = {.opened_at = NOW - 50 * SECOND, .step = 3}}), ROWS(ROW(0, 9, HOUR)),
     .action = POLICY_WAIT, .at = 10 * SECOND, .fates = "k"},
    {"and no longer", BASE, SENDERS({.window = {.opened_at = NOW - 60 * SECOND, .step = 3}}),
     ROWS(ROW(0, 9, 9 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"an active device holds the edit, too", BASE, DEVICES(ACTIVE(9, 30 * SECOND)),
     SENDERS(WINDOW(30 * SECOND, 0, 9 * SECOND)), ROWS(ROW(0, 9, 9 * SECOND)),
     .action = POLICY_WAIT, .at = POLICY_LOOK_MS, .fates = "k"},
    {"another sender has a window of her own", BASE,
     SENDERS(WINDOW(30 * SECOND, 0, 1 * SECOND), NEW_SENDER),
     ROWS(ROW(0, 9, 4 * SECOND), ROW(1, 10, 3 * SECOND)), .action = POLICY_SEND, .sender = 1,
     .fates = "kt"},
    {"who could be told about first goes first", BASE, SENDERS(NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 10, 3 * SECOND), ROW(1, 9, 4 * SECOND)), .action = POLICY_SEND, .sender = 1,
     .fates = "kt"},
    {"a window from before the clock was set back", BASE, SENDERS(WINDOW(-HOUR, 0, -HOUR)),
     ROWS(ROW(0, 9, 9 * SECOND)), .action = POLICY_SEND, .fates = "t"},
    {"another notifier's clock runs a little ahead", BASE, SENDERS(WINDOW(-300, 0, -300)),
     ROWS(ROW(0, 9, 9 * SECOND)), .action = POLICY_WAIT, .at = 3300, .fates = "k"},
};

static const struct policy_test digest_tests[] = {
    {"what quiet hours held gathers", BASE, .settings.quiet_ended_at = NOW - 1 * SECOND,
     SENDERS(NEW_SENDER, NEW_SENDER), ROWS(ROW(0, 9, HOUR), ROW(1, 10, 1100)),
     .action = POLICY_WAIT, .at = 1 * SECOND, .fates = "kk"},
    {"and goes into one digest", BASE, .settings.quiet_ended_at = NOW - 2 * SECOND,
     SENDERS(NEW_SENDER, NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 9, HOUR), ROW(1, 10, 2100), ROW(0, 11, 2050), ROW(2, 12, 2001)),
     .action = POLICY_DIGEST, .fates = "tttt"},
    {"of one sender it is a burst", BASE, .settings.quiet_ended_at = NOW - 2 * SECOND,
     SENDERS(NEW_SENDER), ROWS(ROW(0, 9, HOUR), ROW(0, 10, 2100)), .action = POLICY_SEND,
     .fates = "tt"},
    {"the end of quiet hours closes windows", BASE, .settings.quiet_ended_at = NOW - 2 * SECOND,
     SENDERS(WINDOW(10 * MINUTE, 3, 10 * MINUTE), WINDOW(4 * SECOND, 0, 4 * SECOND)),
     ROWS(ROW(0, 9, 5 * MINUTE), ROW(1, 10, 3 * SECOND)), .action = POLICY_DIGEST, .fates = "tt"},
    {"it takes along who is due a little later", BASE, .settings.quiet_ended_at = NOW - 2 * SECOND,
     DEVICES(IDLE(12, 30 * SECOND)), SENDERS(NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 9, HOUR), ROW(1, 10, 30 * SECOND)), .action = POLICY_DIGEST, .fates = "tt"},
    {"an active device holds it", BASE, .settings.quiet_ended_at = NOW - 2 * SECOND,
     DEVICES(ACTIVE(12, 30 * SECOND)), SENDERS(NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 9, HOUR), ROW(1, 10, HOUR)), .action = POLICY_WAIT, .at = POLICY_LOOK_MAX_MS,
     .fates = "kk"},
    {"an hour without Telegram", BASE, SENDERS(NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 9, HOUR), ROW(1, 10, 9 * SECOND)), .action = POLICY_DIGEST, .fates = "tt"},
    {"16 minutes are late", BASE, SENDERS(NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 9, 16 * MINUTE), ROW(1, 10, 9 * SECOND)), .action = POLICY_DIGEST, .fates = "tt"},
    {"15 minutes are not, for somebody who waits for one", BASE, SENDERS(NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 9, 16 * MINUTE - 1), ROW(1, 10, 9 * SECOND)), .action = POLICY_SEND,
     .fates = "tk"},
    {"what may not be told anew is not in it", BASE,
     SENDERS(NEW_SENDER, WINDOW(9 * SECOND, 0, 1 * SECOND), NEW_SENDER),
     ROWS(ROW(0, 9, HOUR), ROW(1, 10, 9 * SECOND), ROW(2, 11, HOUR),
          ROW(2, 12, HOUR, .retry_at = NOW + 1)),
     .action = POLICY_DIGEST, .fates = "tktk"},
    {"an edit that is late makes no digest of others", BASE,
     SENDERS(WINDOW(9 * SECOND, 0, 9 * SECOND), NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 9, HOUR), ROW(1, 10, 9 * SECOND), ROW(2, 11, 3 * SECOND)), .action = POLICY_SEND,
     .sender = 1, .fates = "ktk"},
    {"nor does a late row that waits for its retry", BASE, SENDERS(NEW_SENDER, NEW_SENDER),
     ROWS(ROW(0, 9, HOUR, .retry_at = NOW + 40 * SECOND), ROW(0, 10, 9 * SECOND),
          ROW(1, 11, 8 * SECOND)),
     .action = POLICY_SEND, .fates = "ktk"},
    {"alone it is no digest", BASE, SENDERS(NEW_SENDER, WINDOW(9 * SECOND, 0, 1 * SECOND)),
     ROWS(ROW(0, 9, HOUR), ROW(1, 10, 9 * SECOND)), .action = POLICY_SEND, .fates = "tk"},
};

static void assert_decision(const struct policy_test *test)
{
    enum policy_fate fates[8];
    char letters[9] = "";
    struct policy_decision decision;

    decision = policy_decide(NOW, &test->settings, &test->presence, &test->pending, fates);
    for (int i = 0; i < test->pending.row_count; i++)
        letters[i] = "ktr"[fates[i]];
    if (decision.action != test->action)
        fail_msg("%s: action %d", test->name, (int)decision.action);
    if (decision.action == POLICY_WAIT && decision.at != NOW + test->at)
        fail_msg("%s: waits for %lld ms", test->name, (long long)(decision.at - NOW));
    if ((decision.action == POLICY_SEND || decision.action == POLICY_EDIT) &&
        decision.sender != test->sender)
        fail_msg("%s: sender %d", test->name, decision.sender);
    if (strcmp(letters, test->fates) != 0)
        fail_msg("%s: %s", test->name, letters);
}

#define TABLE_TEST(name, table)                   \
    static void name(void **state)                \
    {                                             \
        (void)state;                              \
        for (size_t i = 0; i < COUNT(table); i++) \
            assert_decision(&(table)[i]);         \
    }

TABLE_TEST(n_02_due_times, due_tests)
TABLE_TEST(n_01_what_is_over_is_dropped, over_tests)
TABLE_TEST(waits_are_kept, hold_tests)
TABLE_TEST(n_03_bursts, burst_tests)
TABLE_TEST(n_05_digests, digest_tests)

static void windows_grow_until_something_is_read(void **state)
{
    static const int steps[] = {0, 1, 2, 3, 3};
    struct policy_window window = {0};
    int64_t now = NOW;

    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++, now += 2 * HOUR) {
        window = policy_window_open(&window, now);
        assert_int_equal(window.step, steps[i]);
        assert_int_equal(window.opened_at, now);
        assert_int_equal(window.edited_at, now);
        assert_int_equal(window.message_id, 0);
        window.message_id = 5;
    }
    window.read = true;
    window = policy_window_open(&window, now);
    assert_int_equal(window.step, 0);
    assert_false(window.read);
}

static void a_window_whose_message_may_be_lost_does_not_grow(void **state)
{
    struct policy_window window = {.opened_at = NOW - MINUTE, .step = 1};

    (void)state;
    assert_int_equal(policy_window_open(&window, NOW).step, 1);
}

static void a_window_is_forgotten_after_a_day(void **state)
{
    struct policy_window window = {.opened_at = NOW - 24 * HOUR, .step = 3, .message_id = 5};

    (void)state;
    assert_int_equal(policy_window_open(&window, NOW).step, 0);
}

/* Uniform in 0 to below - 1. */
static int64_t random_below(int64_t below)
{
    return (((int64_t)random() << 31) + random()) % below;
}

enum { MANY_SENDERS = 4, MANY_ROWS = 12, MANY_DEVICES = 4 };

struct random_case {
    struct policy_settings settings;
    struct policy_presence presence;
    struct policy_pending pending;
    struct policy_device devices[MANY_DEVICES];
    struct policy_sender senders[MANY_SENDERS];
    struct policy_row rows[MANY_ROWS];
};

/* An age that is often just at one of the limits. */
static int64_t random_age(void)
{
    static const int64_t limits[] = {0,          2 * SECOND,  3 * SECOND,  15 * SECOND, MINUTE,
                                     5 * MINUTE, 15 * MINUTE, 16 * MINUTE, HOUR,        24 * HOUR};

    if (random() % 4 == 0)
        return limits[(size_t)random() % COUNT(limits)] + random_below(3) - 1;
    return random_below(1 + limits[(size_t)random() % COUNT(limits)]);
}

static bool seldom(void)
{
    return random() % 8 == 0;
}

static void random_case_make(struct random_case *made)
{
    *made = (struct random_case){
        .settings = {.delay_s = (int)random_below(1000),
                     .muted_until = seldom() ? NOW + random_age() - MINUTE : 0,
                     .quiet_until = seldom() ? NOW + random_age() : 0,
                     .quiet_ended_at = random() % 3 == 0 ? NOW - random_age() : 0},
        .presence = {.known = random() % 3 > 0,
                     .unknown_since = NOW - random_age(),
                     .device_count = (int)random_below(MANY_DEVICES + 1),
                     .devices = made->devices},
        .pending = {.linked = !seldom(),
                    .retry_at = seldom() ? NOW + random_age() - MINUTE : 0,
                    .sender_count = 1 + (int)random_below(MANY_SENDERS),
                    .senders = made->senders,
                    .row_count = (int)random_below(MANY_ROWS + 1),
                    .rows = made->rows},
    };
    for (int i = 0; i < MANY_DEVICES; i++)
        made->devices[i] = (struct policy_device){random() % 2, random_below(30),
                                                  NOW + random_below(70 * SECOND) - 10 * SECOND};
    for (int i = 0; i < MANY_SENDERS; i++)
        made->senders[i] =
            (struct policy_sender){.muted_until = seldom() ? FOREVER : 0,
                                   .window = {.opened_at = random() % 3 ? NOW - random_age() : 0,
                                              .step = (int)random_below(POLICY_STEPS),
                                              .edited_at = NOW - random_age(),
                                              .message_id = random_below(3),
                                              .read = seldom()}};
    for (int i = 0; i < MANY_ROWS; i++)
        made->rows[i] = (struct policy_row){.sender = (int)random_below(made->pending.sender_count),
                                            .seq = random_below(30),
                                            .created_at = NOW - random_age(),
                                            .retry_at = seldom() ? NOW + random_age() - MINUTE : 0,
                                            .unanswered = seldom() ? (int)random_below(3) : 0,
                                            .read = seldom(),
                                            .deleted = seldom()};
}

static void assert_taken_is_allowed(const struct random_case *with,
                                    const struct policy_decision *decision,
                                    const enum policy_fate *fates, int i)
{
    static const int64_t lengths[] = {MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR};
    const struct policy_row *row = &with->rows[i];
    const struct policy_window *window = &with->senders[row->sender].window;
    bool shut = window->opened_at > 0 && !window->read &&
                window->opened_at >= with->settings.quiet_ended_at &&
                NOW < window->opened_at + lengths[window->message_id ? window->step : 0];

    assert_true(with->pending.linked && !row->read && !row->deleted);
    assert_true(NOW - row->created_at < 24 * HOUR);
    assert_true(row->unanswered < 2 && row->retry_at <= NOW);
    assert_true(with->senders[row->sender].muted_until <= NOW);
    if (decision->action == POLICY_EDIT)
        assert_true(shut && window->message_id != 0 && window->edited_at + 3 * SECOND <= NOW);
    else
        assert_false(shut);
    if (decision->action != POLICY_DIGEST)
        assert_int_equal(row->sender, decision->sender);
    for (int d = 0; d < with->presence.device_count; d++) {
        const struct policy_device *device = &with->devices[d];
        bool there = device->active && device->expires_at > NOW;

        /* Has it all that waits, but for what is younger than 15 s? */
        for (int other = 0; other < with->pending.row_count; other++)
            if (fates[other] != POLICY_REMOVE && with->rows[other].seq > device->acked_seq &&
                NOW - with->rows[other].created_at >= 15 * SECOND)
                there = false;
        assert_false(there);
    }
}

static void assert_decision_keeps_the_rules(const struct random_case *with)
{
    enum policy_fate fates[MANY_ROWS];
    struct policy_decision decision =
        policy_decide(NOW, &with->settings, &with->presence, &with->pending, fates);
    int kept = 0, taken = 0;
    unsigned int senders = 0;

    for (int i = 0; i < with->pending.row_count; i++) {
        kept += fates[i] != POLICY_REMOVE;
        if (fates[i] != POLICY_TAKE)
            continue;
        taken++;
        senders |= 1U << with->rows[i].sender;
        assert_taken_is_allowed(with, &decision, fates, i);
    }
    assert_int_equal(decision.action == POLICY_DROP, kept == 0);
    if (decision.action == POLICY_WAIT || decision.action == POLICY_DROP) {
        assert_int_equal(taken, 0);
    } else {
        assert_true(taken > 0);
        assert_true(with->pending.retry_at <= NOW);
        assert_true(with->settings.quiet_until <= NOW && with->settings.muted_until <= NOW);
        assert_int_equal(decision.action == POLICY_DIGEST, (senders & (senders - 1)) != 0);
    }
    if (decision.action == POLICY_WAIT) {
        assert_true(decision.at > NOW);
        assert_true(decision.at < NOW + 48 * HOUR);
    }
}

static void whatever_comes_the_rules_are_kept(void **state)
{
    (void)state;
    srandom(3);
    for (int i = 0; i < 100000; i++) {
        struct random_case made;

        random_case_make(&made);
        assert_decision_keeps_the_rules(&made);
    }
}

/* A recipient's hours, with what the decisions say carried out as the notifier does it. */
struct life {
    struct random_case world;
    int64_t now;
    int64_t seq;
    int64_t told_at[MANY_SENDERS]; /* by a new message, since something was read */
    int64_t quiet_from, quiet_to;
    int told;
};

static void life_write(struct life *life, int sender)
{
    if (life->world.pending.row_count == MANY_ROWS)
        return;
    life->world.rows[life->world.pending.row_count++] =
        (struct policy_row){.sender = sender, .seq = ++life->seq, .created_at = life->now};
}

static void life_read(struct life *life, int sender)
{
    for (int i = 0; i < life->world.pending.row_count; i++)
        if (life->world.rows[i].sender == sender)
            life->world.rows[i].read = true;
    life->world.senders[sender].window.read = true;
    life->told_at[sender] = 0;
}

static void life_tell(struct life *life, const struct policy_decision *decision,
                      unsigned int senders)
{
    life->told++;
    for (int s = 0; s < MANY_SENDERS; s++) {
        struct policy_window *window = &life->world.senders[s].window;

        if (!(senders & 1U << s))
            continue;
        if (decision->action == POLICY_EDIT) {
            assert_true(life->now - window->edited_at >= 3 * SECOND);
            window->edited_at = life->now;
            continue;
        }
        /* N-03: one message a minute, unless something was read or quiet hours ended. */
        if (life->told_at[s] >= life->world.settings.quiet_ended_at)
            assert_true(life->now - life->told_at[s] >= MINUTE);
        life->told_at[s] = life->now;
        *window = policy_window_open(window, life->now);
        window->message_id = decision->action == POLICY_SEND ? 7 : 0;
    }
}

/* Decides once, carries it out, and returns when to look again. */
static int64_t life_turn(struct life *life)
{
    struct random_case *world = &life->world;
    enum policy_fate fates[MANY_ROWS];
    struct policy_decision decision;
    unsigned int senders = 0;
    int kept = 0;

    world->settings.quiet_until =
        life->now >= life->quiet_from && life->now < life->quiet_to ? life->quiet_to : 0;
    world->settings.quiet_ended_at = life->now >= life->quiet_to ? life->quiet_to : 0;
    decision = policy_decide(life->now, &world->settings, &world->presence, &world->pending, fates);
    for (int i = 0; i < world->pending.row_count; i++) {
        if (fates[i] == POLICY_TAKE)
            senders |= 1U << world->rows[i].sender;
        if (fates[i] == POLICY_KEEP)
            world->rows[kept++] = world->rows[i];
    }
    world->pending.row_count = kept;
    if (senders != 0)
        life_tell(life, &decision, senders);
    if (decision.action == POLICY_WAIT)
        assert_true(decision.at > life->now);
    if (decision.action == POLICY_DROP)
        return INT64_MAX;
    return decision.action == POLICY_WAIT ? decision.at : life->now + 1;
}

static void life_happen(struct life *life)
{
    int sender = (int)random_below(MANY_SENDERS);
    struct policy_presence *presence = &life->world.presence;

    switch (random() % 6) {
    case 0:
        life_read(life, sender);
        break;
    case 1:
        presence->device_count = (int)random_below(2);
        life->world.devices[0] = (struct policy_device){
            random() % 2, random() % 4 ? INT64_MAX : life->seq, life->now + 40 * SECOND};
        break;
    default:
        life_write(life, sender);
        break;
    }
}

/* Whatever happens, nobody is told about twice within a window, and once all is still, all of it
 * was told, read or dropped: no wait leads nowhere. */
static void a_life_goes_on_and_comes_to_rest(void **state)
{
    (void)state;
    srandom(7);
    for (int round = 0; round < 300; round++) {
        struct life life = {.now = NOW,
                            .quiet_from = NOW + random_below(HOUR),
                            .world = {.settings.delay_s = (int)random_below(120),
                                      .presence.known = true,
                                      .pending = {.linked = true, .sender_count = MANY_SENDERS}}};
        int64_t look_at = NOW, end;

        life.quiet_to = life.quiet_from + random_below(20 * MINUTE);
        life.world.presence.devices = life.world.devices;
        life.world.pending.senders = life.world.senders;
        life.world.pending.rows = life.world.rows;
        for (int i = 0; i < 300; i++) {
            int64_t next = life.now + 1 + random_below(random() % 10 ? 4 * SECOND : 5 * MINUTE);

            while (look_at <= next) {
                life.now = look_at;
                look_at = life_turn(&life);
            }
            life.now = next;
            life_happen(&life);
            look_at = life.now;
        }
        life.world.presence.device_count = 0;
        for (end = life.now + 3 * HOUR; life.world.pending.row_count > 0;
             look_at = life_turn(&life)) {
            life.now = look_at;
            assert_true(life.now < end);
        }
        assert_true(life.told > 0);
    }
}

static void t_18_a_chat_and_all_chats_are_paced(void **state)
{
    static const struct {
        struct policy_pace pace;
        int64_t wait;
    } rows[] = {
        {{0, 0, 0}, 0},
        {{NOW, 0, 0}, 40},
        {{NOW - 40, 0, 0}, 0},
        {{NOW - 100, NOW - 100, 0}, 950},
        {{NOW - 2, NOW - 1050, 0}, 38},
        {{NOW - 2000, NOW - 1050, 0}, 0},
        {{NOW, NOW, NOW + 5000}, 5000},
        {{NOW, NOW, NOW - 5000}, 1050},
        {{NOW + 30, NOW + 500, 0}, 1550}, /* the clocks of two notifiers differ */
        {{NOW + HOUR, NOW + HOUR, 0}, 0}, /* the clock was set back */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(policy_pace(NOW, &rows[i].pace), NOW + rows[i].wait);
}

/* Always as soon as it may: 60 chats that all have something to be told. */
static void t_18_no_second_has_more_than_25_requests(void **state)
{
    enum { CHATS = 60, REQUESTS = 3000 };
    static int64_t begun[REQUESTS];
    int64_t chats[CHATS] = {0}, last = 0, now = NOW;

    (void)state;
    srandom(9);
    for (int i = 0; i < REQUESTS; i++) {
        int chat = (int)random_below(i % 100 < 50 ? CHATS : 2);
        const struct policy_pace pace = {last, chats[chat], 0};

        now = policy_pace(now, &pace);
        assert_true(now - chats[chat] >= 1050);
        if (i >= 25)
            assert_true(now - begun[i - 25] >= 1000);
        begun[i] = last = chats[chat] = now;
        now += random_below(5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(n_02_due_times),
        cmocka_unit_test(n_01_what_is_over_is_dropped),
        cmocka_unit_test(waits_are_kept),
        cmocka_unit_test(n_03_bursts),
        cmocka_unit_test(n_05_digests),
        cmocka_unit_test(windows_grow_until_something_is_read),
        cmocka_unit_test(a_window_whose_message_may_be_lost_does_not_grow),
        cmocka_unit_test(a_window_is_forgotten_after_a_day),
        cmocka_unit_test(whatever_comes_the_rules_are_kept),
        cmocka_unit_test(a_life_goes_on_and_comes_to_rest),
        cmocka_unit_test(t_18_a_chat_and_all_chats_are_paced),
        cmocka_unit_test(t_18_no_second_has_more_than_25_requests),
    };

    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
