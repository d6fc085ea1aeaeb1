#include "unit.h"

#include <string.h>

#include "common/err.h"

static void every_code_has_its_own_row(void **state)
{
    (void)state;
    assert_int_equal(err_info(ERR_BAD_REQUEST)->status, 400);
    assert_string_equal(err_info(ERR_CURSOR_RESET)->code, "cursor_reset");
    assert_string_equal(err_info(ERR_BUSY)->code, "busy");
    assert_int_equal(err_info(ERR_RATE_LIMITED)->status, 429);
}

static void any_other_number_is_internal(void **state)
{
    const int others[] = {0, 1, -ERR_COUNT - 1, INT32_MIN, INT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++)
        assert_string_equal(err_info(others[i])->code, "internal");
}

static void codes_are_unique_and_statuses_are_errors(void **state)
{
    (void)state;
    for (int i = 1; i <= ERR_COUNT; i++) {
        assert_in_range(err_info(-i)->status, 400, 599);
        assert_true(strlen(err_info(-i)->title) > 0);
        for (int j = 1; j < i; j++)
            assert_string_not_equal(err_info(-i)->code, err_info(-j)->code);
    }
}

static void every_code_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 1; i <= ERR_COUNT; i++)
        assert_int_equal(err_by_code(err_info(-i)->code), -i);
    assert_int_equal(err_by_code("no_such_code"), ERR_INTERNAL);
    assert_int_equal(err_by_code(""), ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_own_row),
        cmocka_unit_test(any_other_number_is_internal),
        cmocka_unit_test(every_code_is_found_by_its_name),
        cmocka_unit_test(codes_are_unique_and_statuses_are_errors),
    };

    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
