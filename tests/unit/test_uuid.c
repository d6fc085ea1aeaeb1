#include "unit.h"

#include "fcgi-app/uuid.h"

static void uuids_of_any_version_and_case_are_taken(void **state)
{
    (void)state;
    assert_true(uuid_valid("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
    assert_true(uuid_valid("F81D4FAE-7DEC-4DD0-A765-00A0C91E6BF6"));
    assert_true(uuid_valid("017f22e2-79b0-7cc3-98c4-DC0C0C07398f"));
    assert_true(uuid_valid("00000000-0000-0000-0000-000000000000"));
}

static void anything_else_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "f81d4fae",
        "f81d4fae7dec11d0a76500a0c91e6bf6",
        "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf61",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6 ",
        " f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bfg",
        "f81d4fae_7dec_11d0_a765_00a0c91e6bf6",
        "f81d4fa-e7dec-11d0-a765-00a0c91e6bf6",
        "f81d4fae-7dec-11d0-a765-00a0c91e6b\xd0\xb6",
        "------------------------------------",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (uuid_valid(texts[i]))
            fail_msg("'%s' was taken for a UUID", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uuids_of_any_version_and_case_are_taken),
        cmocka_unit_test(anything_else_is_refused),
    };

    return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
