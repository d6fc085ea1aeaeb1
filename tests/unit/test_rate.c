#include "unit.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "fcgi-app/rate.h"

static const struct conf conf = {.redis_prefix = "p:",
                                 .rate_register = 10,
                                 .rate_login = 30,
                                 .rate_account = 1,
                                 .rate_send = 20};
static struct rate_table table;

static int group_begin(void **state)
{
    (void)state;
    return sodium_init() < 0;
}

static int table_empty(void **state)
{
    (void)state;
    table = (struct rate_table){0};
    return 0;
}

static struct rate rate_of(enum rate_class class, const char *subject, int64_t now)
{
    struct rate rate;

    rate_init(&rate, &conf, class, subject, now);
    return rate;
}

static void every_class_has_its_limit_and_window(void **state)
{
    (void)state;
    assert_int_equal(rate_of(RATE_REGISTER, "a", 0).limit, 10);
    assert_int_equal(rate_of(RATE_LOGIN, "a", 0).limit, 30);
    assert_int_equal(rate_of(RATE_ACCOUNT, "a", 0).limit, 1);
    assert_int_equal(rate_of(RATE_SEND, "a", 0).limit, 20);
    assert_int_equal(rate_of(RATE_REGISTER, "a", 0).window_s, 60);
    assert_int_equal(rate_of(RATE_LOGIN, "a", 0).window_s, 60);
    assert_int_equal(rate_of(RATE_ACCOUNT, "a", 0).window_s, 60);
    assert_int_equal(rate_of(RATE_SEND, "a", 0).window_s, 1);
}

static void what_is_left_of_a_window_is_never_nothing(void **state)
{
    (void)state;
    assert_int_equal(rate_of(RATE_LOGIN, "a", 1200).left_s, 60);
    assert_int_equal(rate_of(RATE_LOGIN, "a", 1201).left_s, 59);
    assert_int_equal(rate_of(RATE_LOGIN, "a", 1259).left_s, 1);
    assert_int_equal(rate_of(RATE_SEND, "a", 1259).left_s, 1);
}

static void a_window_has_one_counter_and_the_next_another(void **state)
{
    (void)state;
    assert_string_equal(rate_of(RATE_LOGIN, "a", 1200).key, rate_of(RATE_LOGIN, "a", 1259).key);
    assert_string_not_equal(rate_of(RATE_LOGIN, "a", 1259).key, rate_of(RATE_LOGIN, "a", 1260).key);
    assert_string_not_equal(rate_of(RATE_SEND, "a", 1200).key, rate_of(RATE_SEND, "a", 1201).key);
}

static void classes_and_subjects_have_their_own_counters(void **state)
{
    (void)state;
    assert_string_not_equal(rate_of(RATE_LOGIN, "a", 0).key, rate_of(RATE_LOGIN, "b", 0).key);
    assert_string_not_equal(rate_of(RATE_LOGIN, "a", 0).key, rate_of(RATE_REGISTER, "a", 0).key);
    assert_string_not_equal(rate_of(RATE_LOGIN, "a", 0).key, rate_of(RATE_ACCOUNT, "a", 0).key);
}

static void keys_begin_with_the_prefix_and_show_no_subject(void **state)
{
    char subject[4096];
    struct rate rate;

    (void)state;
    memset(subject, 'n', sizeof(subject) - 1);
    subject[sizeof(subject) - 1] = '\0';
    rate = rate_of(RATE_ACCOUNT, subject, INT64_C(9007199254740991));
    assert_memory_equal(rate.key, "p:r:account:", 12);
    assert_null(strstr(rate.key, "nnn"));
    assert_true(strlen(rate.key) < RATE_KEY_MAX - 1);
    assert_null(strstr(rate_of(RATE_ACCOUNT, "x\r\nDEL y", 0).key, "\r"));
}

static int judge(int count)
{
    struct rate rate = rate_of(RATE_REGISTER, "a", 0);
    struct redis_value value = {.type = REDIS_NUMBER, .number = count};

    return rate_judge(&rate, &value);
}

static void the_limit_itself_is_still_allowed(void **state)
{
    (void)state;
    assert_int_equal(judge(1), 0);
    assert_int_equal(judge(10), 0);
    assert_int_equal(judge(11), ERR_RATE_LIMITED);
}

static void a_fault_of_redis_limits_nobody(void **state)
{
    struct rate rate = rate_of(RATE_REGISTER, "a", 0);
    struct redis_value fault = {.type = REDIS_FAULT, .number = 99, .text = "WRONGTYPE"};
    struct redis_value nil = {.type = REDIS_NIL, .number = 99};

    (void)state;
    assert_int_equal(rate_judge(&rate, &fault), 0);
    assert_int_equal(rate_judge(&rate, &nil), 0);
}

static int settle(const struct redis_value *value)
{
    struct rate rate = rate_of(RATE_ACCOUNT, "a", 0);

    return rate_settle(&rate, value, &table);
}

static void a_redis_that_refuses_to_count_is_counted_for(void **state)
{
    struct redis_value fault = {.type = REDIS_FAULT, .text = "OOM command not allowed"};

    (void)state;
    assert_int_equal(settle(&fault), 0);
    assert_int_equal(settle(&fault), ERR_RATE_LIMITED);
    assert_int_equal(settle(NULL), ERR_RATE_LIMITED);
}

static void a_redis_that_counts_is_believed(void **state)
{
    struct redis_value one = {.type = REDIS_NUMBER, .number = 1};
    struct redis_value two = {.type = REDIS_NUMBER, .number = 2};

    (void)state;
    assert_int_equal(settle(&one), 0);
    assert_int_equal(settle(&one), 0);
    assert_int_equal(settle(&two), ERR_RATE_LIMITED);
}

/* How many pass before the first refusal? */
static int passes(enum rate_class class, const char *subject, int64_t now)
{
    struct rate rate = rate_of(class, subject, now);
    int count = 0;

    while (rate_take_local(&rate, &table) == 0)
        assert_true(++count < 1000);
    return count;
}

static void without_redis_a_quarter_is_allowed_at_least_one(void **state)
{
    (void)state;
    assert_int_equal(passes(RATE_REGISTER, "a", 0), 3);
    assert_int_equal(passes(RATE_LOGIN, "a", 0), 8);
    assert_int_equal(passes(RATE_ACCOUNT, "a", 0), 1);
    assert_int_equal(passes(RATE_SEND, "a", 0), 5);
}

static void without_redis_subjects_and_windows_are_still_told_apart(void **state)
{
    (void)state;
    assert_int_equal(passes(RATE_REGISTER, "a", 0), 3);
    assert_int_equal(passes(RATE_REGISTER, "a", 30), 0);
    assert_int_equal(passes(RATE_REGISTER, "a", 60), 3);
    assert_int_equal(passes(RATE_REGISTER, "b", 0), 3);
}

static void redis_away_is_no_reason_to_count_nothing(void **state)
{
    struct redis_address address = {.host = "/nonexistent/redis.sock"};
    struct redis *redis = redis_new(&address);
    struct rate rate = rate_of(RATE_REGISTER, "a", 0);
    int taken = 0;

    (void)state;
    unit_stderr_begin();
    while (rate_take(&rate, redis, &table) == 0)
        assert_true(++taken < 1000);
    unit_stderr_end();
    assert_int_equal(taken, 3);
    redis_free(redis);
}

static void assert_subject(const char *address, const char *subject)
{
    char text[RATE_ADDRESS_MAX];

    rate_address(address, text);
    assert_string_equal(text, subject);
}

static void ipv6_addresses_count_by_their_64(void **state)
{
    (void)state;
    assert_subject("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    assert_subject("2001:db8:1:2:ffff::1", "2001:db8:1:2::");
    assert_subject("2001:db8:1:3::1", "2001:db8:1:3::");
    assert_subject("2001:DB8:1:2:3:4:5:6", "2001:db8:1:2::");
    assert_subject("::1", "::");
}

static void ipv4_addresses_count_by_themselves(void **state)
{
    (void)state;
    assert_subject("192.0.2.1", "192.0.2.1");
    assert_subject("::ffff:192.0.2.1", "::ffff:192.0.2.1");
    assert_subject("::ffff:192.0.2.2", "::ffff:192.0.2.2");
}

static void what_is_no_address_counts_as_it_is(void **state)
{
    char long_text[200];
    char subject[RATE_ADDRESS_MAX];

    (void)state;
    assert_subject("", "");
    assert_subject("unix:", "unix:");
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    rate_address(long_text, subject);
    assert_int_equal(strlen(subject), RATE_ADDRESS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_its_limit_and_window),
        cmocka_unit_test(what_is_left_of_a_window_is_never_nothing),
        cmocka_unit_test(a_window_has_one_counter_and_the_next_another),
        cmocka_unit_test(classes_and_subjects_have_their_own_counters),
        cmocka_unit_test(keys_begin_with_the_prefix_and_show_no_subject),
        cmocka_unit_test(the_limit_itself_is_still_allowed),
        cmocka_unit_test(a_fault_of_redis_limits_nobody),
        cmocka_unit_test_setup(a_redis_that_refuses_to_count_is_counted_for, table_empty),
        cmocka_unit_test_setup(a_redis_that_counts_is_believed, table_empty),
        cmocka_unit_test_setup(without_redis_a_quarter_is_allowed_at_least_one, table_empty),
        cmocka_unit_test_setup(without_redis_subjects_and_windows_are_still_told_apart,
                               table_empty),
        cmocka_unit_test_setup(redis_away_is_no_reason_to_count_nothing, table_empty),
        cmocka_unit_test(ipv6_addresses_count_by_their_64),
        cmocka_unit_test(ipv4_addresses_count_by_themselves),
        cmocka_unit_test(what_is_no_address_counts_as_it_is),
    };

    return cmocka_run_group_tests_name("rate", tests, group_begin, NULL);
}
