#include "unit.h"

#include <string.h>
#include <time.h>

#include "common/err.h"
#include "fcgi-app/password.h"

static const struct password_cost cheap = {.passes = 1, .memory_bytes = 8192};

static void hash_is_argon2id_with_the_asked_cost(void **state)
{
    const struct password_cost cost = {.passes = 2, .memory_bytes = 64 * 1024};
    char hash[PASSWORD_HASH_MAX];

    (void)state;
    assert_int_equal(password_hash(&cost, "secret", 6, hash), 0);
    assert_memory_equal(hash, "$argon2id$v=19$m=64,t=2,p=1$", 28);
}

static void only_the_password_itself_verifies(void **state)
{
    static const char *const passwords[] = {"secret", " ", "пароль", "🐟", "a\nb"};
    char hash[PASSWORD_HASH_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(passwords); i++) {
        const char *password = passwords[i];

        assert_int_equal(password_hash(&cheap, password, strlen(password), hash), 0);
        assert_true(password_verify(&cheap, hash, password, strlen(password)));
        assert_false(password_verify(&cheap, hash, password, strlen(password) - 1));
        assert_false(password_verify(&cheap, hash, "Secret", 6));
        assert_false(password_verify(&cheap, hash, "", 0));
    }
}

static void equal_passwords_get_different_hashes(void **state)
{
    char one[PASSWORD_HASH_MAX], other[PASSWORD_HASH_MAX];

    (void)state;
    assert_int_equal(password_hash(&cheap, "secret", 6, one), 0);
    assert_int_equal(password_hash(&cheap, "secret", 6, other), 0);
    assert_string_not_equal(one, other);
}

static void hash_made_at_another_cost_still_verifies(void **state)
{
    const struct password_cost dear = {.passes = 3, .memory_bytes = 32 * 1024};
    char hash[PASSWORD_HASH_MAX];

    (void)state;
    assert_int_equal(password_hash(&cheap, "secret", 6, hash), 0);
    assert_true(password_verify(&dear, hash, "secret", 6));
}

static void long_password_counts_to_its_last_byte(void **state)
{
    char password[4096];
    char hash[PASSWORD_HASH_MAX];

    (void)state;
    memset(password, 'x', sizeof(password));
    assert_int_equal(password_hash(&cheap, password, sizeof(password), hash), 0);
    assert_true(password_verify(&cheap, hash, password, sizeof(password)));
    password[sizeof(password) - 1] = 'y';
    assert_false(password_verify(&cheap, hash, password, sizeof(password)));
}

static void broken_hash_never_verifies(void **state)
{
    static const char *const hashes[] = {"", "secret", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$$",
                                         "$2a$10$abcdefghijklmnopqrstuv"};
    char too_long[PASSWORD_HASH_MAX + 100];

    (void)state;
    for (size_t i = 0; i < COUNT(hashes); i++)
        assert_false(password_verify(&cheap, hashes[i], "secret", 6));
    memset(too_long, 'a', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    assert_false(password_verify(&cheap, too_long, "secret", 6));
}

static int64_t processor_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

/* Processor time, so that a busy machine does not matter. */
static void unknown_account_costs_the_same_work(void **state)
{
    const struct password_cost cost = {.passes = 2, .memory_bytes = 8 * 1024 * 1024};
    char hash[PASSWORD_HASH_MAX];
    int64_t known, unknown, begin;

    (void)state;
    assert_int_equal(password_hash(&cost, "secret", 6, hash), 0);
    begin = processor_us();
    assert_false(password_verify(&cost, hash, "wrong", 5));
    known = processor_us() - begin;
    begin = processor_us();
    assert_false(password_verify(&cost, NULL, "wrong", 5));
    unknown = processor_us() - begin;
    assert_true(unknown > known / 4 && unknown < known * 4);
}

static void impossible_memory_is_an_error(void **state)
{
    const struct password_cost cost = {.passes = 1, .memory_bytes = 1};
    char hash[PASSWORD_HASH_MAX];

    (void)state;
    unit_stderr_begin();
    assert_int_equal(password_hash(&cost, "secret", 6, hash), ERR_INTERNAL);
    assert_non_null(strstr(unit_stderr_end(), "cannot hash"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_argon2id_with_the_asked_cost),
        cmocka_unit_test(only_the_password_itself_verifies),
        cmocka_unit_test(equal_passwords_get_different_hashes),
        cmocka_unit_test(hash_made_at_another_cost_still_verifies),
        cmocka_unit_test(long_password_counts_to_its_last_byte),
        cmocka_unit_test(broken_hash_never_verifies),
        cmocka_unit_test(unknown_account_costs_the_same_work),
        cmocka_unit_test(impossible_memory_is_an_error),
    };

    return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
