#include "unit.h"

#include "common/err.h"
#include "fake_request.h"
#include "fcgi-app/user_key.h"

static struct fake_request fake;

static int fake_begin(void **state)
{
    (void)state;
    fake_request_begin(&fake, NULL, NULL);
    return 0;
}

static int fake_end(void **state)
{
    (void)state;
    fake_request_end(&fake);
    return 0;
}

static const char *key_of(const char *name)
{
    const char *key = NULL;

    assert_int_equal(user_key(&fake.request, &fake.response, "username", name, &key), 0);
    return key;
}

static const char *login_key_of(const char *name)
{
    const char *key = NULL;

    assert_int_equal(user_key_trimmed(&fake.request, name, &key), 0);
    return key;
}

static void names_that_look_alike_have_one_key(void **state)
{
    (void)state;
    assert_string_equal(key_of("Анна"), key_of("АННА"));
    assert_string_equal(key_of("Straße"), key_of("STRASSE"));
    assert_string_equal(key_of("ﬁsh"), key_of("FISH"));
    assert_string_equal(key_of("e\xcc\x81va"), key_of("ÉVA"));
    assert_string_equal(key_of("a\xe2\x80\x8b"
                               "b"),
                        key_of("ab")); /* a zero-width space */
    assert_string_not_equal(key_of("anna"), key_of("anne"));
}

static void a_name_of_which_nothing_is_left_is_refused(void **state)
{
    const char *key = NULL;

    (void)state;
    assert_int_equal(user_key(&fake.request, &fake.response, "username", "\xe2\x80\x8b", &key),
                     ERR_INVALID);
    assert_string_equal(fake.response.field, "username");
    assert_int_equal(user_key(&fake.request, &fake.response, "username", " ", &key), ERR_INVALID);
    assert_int_equal(user_key(&fake.request, &fake.response, "username", "", &key), ERR_INVALID);
    assert_null(key);
}

static void a_log_in_finds_the_name_as_registered(void **state)
{
    (void)state;
    assert_string_equal(login_key_of("  АННА\n"), key_of("анна"));
    assert_string_equal(login_key_of("anna b"), key_of("Anna B"));
}

static void a_name_that_cannot_exist_is_nobodys(void **state)
{
    (void)state;
    assert_string_equal(login_key_of(""), "");
    assert_string_equal(login_key_of("  "), "");
}

static void people_are_searched_by_both_names(void **state)
{
    const char *key = NULL;

    (void)state;
    assert_int_equal(user_search_key(&fake.request, "Anna", "Анна К.", &key), 0);
    assert_string_equal(key, "anna\nанна к.");
    assert_int_equal(user_search_key(&fake.request, "Anna", NULL, &key), 0);
    assert_string_equal(key, "anna");
}

#define key_test(test) cmocka_unit_test_setup_teardown(test, fake_begin, fake_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        key_test(names_that_look_alike_have_one_key),
        key_test(a_name_of_which_nothing_is_left_is_refused),
        key_test(a_log_in_finds_the_name_as_registered),
        key_test(a_name_that_cannot_exist_is_nobodys),
        key_test(people_are_searched_by_both_names),
    };

    return cmocka_run_group_tests_name("user_key", tests, NULL, NULL);
}
