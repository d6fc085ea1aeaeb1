#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/err.h"

static const char *const conf_names[] = {
#define CONF_TEXT(field, key, initial, help)                  "PERCH_" #key,
#define CONF_INT(field, key, initial, minimum, maximum, help) "PERCH_" #key,
#include "common/conf.def"
#undef CONF_TEXT
#undef CONF_INT
};

static int environment_clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(conf_names); i++)
        unsetenv(conf_names[i]);
    return 0;
}

static void defaults_stand_without_variables(void **state)
{
    struct conf conf;

    (void)state;
    assert_int_equal(conf_load(&conf), 0);
    assert_int_equal(conf.workers, 8);
    assert_string_equal(conf.redis_prefix, "perch:");
    assert_null(conf.public_url);
}

static void every_default_is_within_its_bounds(void **state)
{
    (void)state;
#define CONF_TEXT(field, key, initial, help)
#define CONF_INT(field, key, initial, minimum, maximum, help) \
    assert_true((minimum) <= (initial) && (initial) <= (maximum));
#include "common/conf.def"
#undef CONF_TEXT
#undef CONF_INT
}

static void variables_win_and_empty_ones_count_as_unset(void **state)
{
    struct conf conf;

    (void)state;
    setenv("PERCH_WORKERS", "3", 1);
    setenv("PERCH_PUBLIC_URL", "https://chat.example.org", 1);
    setenv("PERCH_REDIS_PREFIX", "", 1);
    setenv("PERCH_HUBS", "", 1);
    assert_int_equal(conf_load(&conf), 0);
    assert_int_equal(conf.workers, 3);
    assert_string_equal(conf.public_url, "https://chat.example.org");
    assert_string_equal(conf.redis_prefix, "perch:");
    assert_int_equal(conf.hubs, 1);
}

/* Tries each bound of each number from the outside and from the inside. */
static void bounds_are_inclusive(void **state)
{
    static const struct {
        const char *name;
        int minimum, maximum;
    } rows[] = {
#define CONF_TEXT(field, key, initial, help)
#define CONF_INT(field, key, initial, minimum, maximum, help) {"PERCH_" #key, minimum, maximum},
#include "common/conf.def"
#undef CONF_TEXT
#undef CONF_INT
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const int inside[] = {rows[i].minimum, rows[i].maximum};
        const int outside[] = {rows[i].minimum - 1, rows[i].maximum + 1};
        struct conf conf;
        char number[16];

        for (size_t j = 0; j < 2; j++) {
            snprintf(number, sizeof(number), "%d", inside[j]);
            setenv(rows[i].name, number, 1);
            assert_int_equal(conf_load(&conf), 0);
            snprintf(number, sizeof(number), "%d", outside[j]);
            setenv(rows[i].name, number, 1);
            unit_stderr_begin();
            assert_int_equal(conf_load(&conf), ERR_CONFIG);
            assert_non_null(strstr(unit_stderr_end(), rows[i].name));
        }
        unsetenv(rows[i].name);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const values[] = {
        "x", " 5", "5 ", "+5", "-5", "0x5", "5.0", "5e0", "5\n", "99999999999999999999", "٥",
    };
    struct conf conf = {.workers = 77};

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        setenv("PERCH_WORKERS", values[i], 1);
        unit_stderr_begin();
        assert_int_equal(conf_load(&conf), ERR_CONFIG);
        unit_stderr_end();
        assert_int_equal(conf.workers, 77);
    }
}

static void a_prefix_too_long_for_keys_is_refused(void **state)
{
    struct conf conf;
    char prefix[CONF_REDIS_PREFIX_MAX + 2];

    (void)state;
    memset(prefix, 'p', sizeof(prefix));
    prefix[CONF_REDIS_PREFIX_MAX] = '\0';
    setenv("PERCH_REDIS_PREFIX", prefix, 1);
    assert_int_equal(conf_load(&conf), 0);
    assert_string_equal(conf.redis_prefix, prefix);
    prefix[CONF_REDIS_PREFIX_MAX] = 'p';
    prefix[CONF_REDIS_PREFIX_MAX + 1] = '\0';
    setenv("PERCH_REDIS_PREFIX", prefix, 1);
    unit_stderr_begin();
    assert_int_equal(conf_load(&conf), ERR_CONFIG);
    const char *line = unit_stderr_end();
    assert_non_null(strstr(line, "PERCH_REDIS_PREFIX is 'ppp"));
    assert_non_null(strstr(line, "may have 40 bytes at most"));
}

static void all_mistakes_are_named_at_once(void **state)
{
    struct conf conf;
    const char *lines;

    (void)state;
    setenv("PERCH_WORKERS", "many", 1);
    setenv("PERCH_RATE_SEND", "0", 1);
    unit_stderr_begin();
    assert_int_equal(conf_load(&conf), ERR_CONFIG);
    lines = unit_stderr_end();
    assert_non_null(strstr(lines, "PERCH_WORKERS is 'many', but must be a number from 1 to 512"));
    assert_non_null(strstr(lines, "PERCH_RATE_SEND is '0'"));
}

static void print_shows_every_row(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    (void)state;
    assert_non_null(stream);
    conf_print(stream);
    assert_int_equal(fclose(stream), 0);
    for (size_t i = 0; i < COUNT(conf_names); i++)
        assert_non_null(strstr(text, conf_names[i]));
    assert_non_null(strstr(text, "(default: 8; 1 to 512)"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_stand_without_variables, environment_clear),
        cmocka_unit_test(every_default_is_within_its_bounds),
        cmocka_unit_test_setup(variables_win_and_empty_ones_count_as_unset, environment_clear),
        cmocka_unit_test_setup(bounds_are_inclusive, environment_clear),
        cmocka_unit_test_setup(what_is_no_number_is_refused, environment_clear),
        cmocka_unit_test_setup(a_prefix_too_long_for_keys_is_refused, environment_clear),
        cmocka_unit_test_setup(all_mistakes_are_named_at_once, environment_clear),
        cmocka_unit_test(print_shows_every_row),
    };

    return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
