#include "unit.h"

#include "fcgi-app/rfc3339.h"

static void complete_times_are_taken(void **state)
{
    static const char *const texts[] = {
        "2026-11-21T04:20:42Z",      "2026-11-21t04:20:42z",
        "2026-11-21T04:20:42+03:00", "2026-11-21T04:20:42-11:30",
        "2026-11-21T04:20:42+00:00", "2026-11-21T04:20:42-00:00",
        "2026-11-21T04:20:42+14:00", "2026-11-21T04:20:42.1Z",
        "2026-11-21T04:20:42.123Z",  "2026-11-21T04:20:42.123456789+05:45",
        "1970-01-01T00:00:00Z",      "9998-12-31T23:59:59.999Z",
        "2024-02-29T12:00:00Z",      "2000-02-29T12:00:00Z",
        "2026-01-31T00:00:00Z",      "2026-04-30T00:00:00Z",
        "2026-12-31T00:00:00Z",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (!rfc3339_valid(texts[i]))
            fail_msg("'%s' was refused", texts[i]);
}

static void dates_that_do_not_exist_are_refused(void **state)
{
    static const char *const texts[] = {
        "2026-02-29T12:00:00Z",      "2100-02-29T12:00:00Z",      "2024-02-30T12:00:00Z",
        "2026-04-31T12:00:00Z",      "2026-06-31T12:00:00Z",      "2026-01-32T12:00:00Z",
        "2026-01-00T12:00:00Z",      "2026-00-01T12:00:00Z",      "2026-13-01T12:00:00Z",
        "1969-12-31T23:59:59Z",      "0000-01-01T00:00:00Z",      "9999-01-01T00:00:00Z",
        "2026-01-01T24:00:00Z",      "2026-01-01T23:60:00Z",      "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00+16:00", "2026-01-01T00:00:00+01:60",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (rfc3339_valid(texts[i]))
            fail_msg("'%s' was taken for a time", texts[i]);
}

static void anything_else_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "Z",
        "now",
        "forever",
        "2026",
        "2026-11-21",
        "2026-11-21T",
        "2026-11-21T04:20",
        "2026-11-21T04:20Z",
        "2026-11-21T04:20:42",
        "2026-11-21T04:20:42 Z",
        "2026-11-21 04:20:42Z",
        "2026-11-21T04:20:42.Z",
        "2026-11-21T04:20:42.1234567890Z",
        "2026-11-21T04:20:42,5Z",
        "2026-11-21T04:20:42.5",
        "2026-11-21T04:20:42ZZ",
        "2026-11-21T04:20:42Z ",
        " 2026-11-21T04:20:42Z",
        "2026-11-21T04:20:42+03",
        "2026-11-21T04:20:42+0300",
        "2026-11-21T04:20:42+3:00",
        "2026-11-21T04:20:42+03:00Z",
        "2026-11-21T04:20:42+03:0",
        "2026-11-21T04:20:42+-3:00",
        "2026-11-21T04:20:42 03:00",
        "+026-11-21T04:20:42Z",
        "2026-+1-21T04:20:42Z",
        "2026-11- 1T04:20:42Z",
        "2026-11-21T 4:20:42Z",
        "26-11-21T04:20:42Z",
        "2026-1-21T04:20:42Z",
        "20261121T042042Z",
        "2026/11/21T04:20:42Z",
        "\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa6-11-21T04:20:42Z",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (rfc3339_valid(texts[i]))
            fail_msg("'%s' was taken for a time", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_times_are_taken),
        cmocka_unit_test(dates_that_do_not_exist_are_refused),
        cmocka_unit_test(anything_else_is_refused),
    };

    return cmocka_run_group_tests_name("rfc3339", tests, NULL, NULL);
}
