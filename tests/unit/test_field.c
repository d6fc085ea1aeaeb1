#include "unit.h"

#include "common/err.h"
#include "fake_request.h"
#include "fcgi-app/field.h"

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

/* Nothing was returned, and the reply will name the field. */
static void assert_refused(int err)
{
    assert_int_equal(err, ERR_INVALID);
    assert_non_null(fake.response.field);
    assert_string_equal(fake.response.field, "f");
}

static int text_of(const char *json, int minimum, int maximum, bool required, const char **ret_text)
{
    fake_request_body(&fake, json);
    return field_text(&fake.request, &fake.response, "f", minimum, maximum, required, ret_text);
}

static void a_member_is_present_also_as_null(void **state)
{
    (void)state;
    fake_request_body(&fake, "{\"f\":null,\"g\":1}");
    assert_true(field_present(&fake.request, "f"));
    assert_true(field_present(&fake.request, "g"));
    assert_false(field_present(&fake.request, "h"));
}

static void without_a_body_nothing_is_present(void **state)
{
    const char *text = "x";
    int64_t id = 7;
    bool flag = true;

    (void)state;
    assert_false(field_present(&fake.request, "f"));
    assert_int_equal(field_text(&fake.request, &fake.response, "f", 0, 9, false, &text), 0);
    assert_null(text);
    assert_int_equal(field_flag(&fake.request, &fake.response, "f", &flag), 0);
    assert_false(flag);
    assert_refused(field_text(&fake.request, &fake.response, "f", 0, 9, true, &text));
    assert_refused(field_id(&fake.request, &fake.response, "f", &id));
}

static void texts_are_measured_in_code_points(void **state)
{
    const char *text = NULL;

    (void)state;
    assert_int_equal(text_of("{\"f\":\"жжж\"}", 3, 3, true, &text), 0);
    assert_string_equal(text, "жжж");
    assert_int_equal(text_of("{\"f\":\"\\ud83d\\ude00\"}", 1, 1, true, &text), 0);
    assert_int_equal(text_of("{\"f\":\"\"}", 0, 0, true, &text), 0);
    text = NULL;
    assert_refused(text_of("{\"f\":\"жжжж\"}", 1, 3, true, &text));
    assert_refused(text_of("{\"f\":\"жж\"}", 3, 9, true, &text));
    assert_refused(text_of("{\"f\":\"\"}", 1, 9, true, &text));
    assert_null(text);
}

static void only_texts_are_texts(void **state)
{
    static const char *const bodies[] = {"{\"f\":1}", "{\"f\":true}", "{\"f\":[\"a\"]}",
                                         "{\"f\":{}}", "{\"f\":1.5}"};
    const char *text = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        assert_refused(text_of(bodies[i], 0, 9, false, &text));
        assert_refused(text_of(bodies[i], 0, 9, true, &text));
    }
    assert_null(text);
}

static void an_absent_or_null_text_is_none_unless_required(void **state)
{
    const char *text = "x";

    (void)state;
    assert_int_equal(text_of("{}", 1, 9, false, &text), 0);
    assert_null(text);
    text = "x";
    assert_int_equal(text_of("{\"f\":null}", 1, 9, false, &text), 0);
    assert_null(text);
    assert_refused(text_of("{}", 0, 9, true, &text));
    assert_refused(text_of("{\"f\":null}", 0, 9, true, &text));
}

static int name_of(const char *json, int maximum, const char **ret_text)
{
    fake_request_body(&fake, json);
    return field_name(&fake.request, &fake.response, "f", maximum, true, ret_text);
}

static void names_are_trimmed(void **state)
{
    const char *name = NULL;

    (void)state;
    assert_int_equal(name_of("{\"f\":\"  Анна \\u00a0\\u3000\\n\"}", 4, &name), 0);
    assert_string_equal(name, "Анна");
    assert_int_equal(name_of("{\"f\":\"a  b\"}", 4, &name), 0);
    assert_string_equal(name, "a  b");
}

static void names_outlive_the_body(void **state)
{
    const char *name = NULL;

    (void)state;
    assert_int_equal(name_of("{\"f\":\" Анна\"}", 4, &name), 0);
    request_release(&fake.request);
    assert_string_equal(name, "Анна");
}

static void names_nobody_could_read_are_refused(void **state)
{
    static const char *const bodies[] = {
        "{\"f\":\"\"}",
        "{\"f\":\"   \"}",
        "{\"f\":\"\\u200b\"}",
        "{\"f\":\"\\u00ad\"}",
        "{\"f\":\"a\\nb\"}",
        "{\"f\":\"a\\tb\"}",
        "{\"f\":\"a\\u007fb\"}",
        "{\"f\":\"a\\u0085b\"}",
        "{\"f\":\"a\\u2028b\"}",
        "{\"f\":\"abcde\"}",
        "{\"f\":null}",
        "{}",
        "{\"f\":5}",
        "{\"f\":[]}",
    };
    const char *name = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        if (name_of(bodies[i], 4, &name) != ERR_INVALID)
            fail_msg("%s was taken for a name", bodies[i]);
        assert_refused(ERR_INVALID);
    }
    assert_null(name);
}

static void a_name_that_is_not_required_may_be_absent(void **state)
{
    const char *name = "x";

    (void)state;
    fake_request_body(&fake, "{\"f\":null}");
    assert_int_equal(field_name(&fake.request, &fake.response, "f", 4, false, &name), 0);
    assert_null(name);
    fake_request_body(&fake, "{\"f\":\" \"}");
    assert_refused(field_name(&fake.request, &fake.response, "f", 4, false, &name));
}

static void ids_are_whole_positive_and_of_53_bits(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"f\":null}",
        "{\"f\":0}",
        "{\"f\":-1}",
        "{\"f\":1.0}",
        "{\"f\":1.5}",
        "{\"f\":\"1\"}",
        "{\"f\":true}",
        "{\"f\":[1]}",
        "{\"f\":9007199254740992}",
        "{\"f\":9223372036854775807}",
        "{\"f\":18446744073709551615}",
    };
    int64_t id = 7;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        fake_request_body(&fake, bad[i]);
        if (field_id(&fake.request, &fake.response, "f", &id) != ERR_INVALID)
            fail_msg("%s was taken for an id", bad[i]);
        assert_refused(ERR_INVALID);
    }
    assert_int_equal(id, 7);
    fake_request_body(&fake, "{\"f\":9007199254740991}");
    assert_int_equal(field_id(&fake.request, &fake.response, "f", &id), 0);
    assert_int_equal(id, INT64_C(9007199254740991));
}

static int choice_of(const char *json, const char **ret_text)
{
    static const char *const choices[] = {"off", "full", NULL};

    fake_request_body(&fake, json);
    return field_choice(&fake.request, &fake.response, "f", choices, ret_text);
}

static void a_choice_is_one_of_the_list(void **state)
{
    static const char *const bad[] = {"{\"f\":\"\"}",     "{\"f\":\"Off\"}", "{\"f\":\"of\"}",
                                      "{\"f\":\"offf\"}", "{\"f\":null}",    "{\"f\":1}",
                                      "{\"f\":[\"off\"]}"};
    const char *text = NULL;

    (void)state;
    assert_int_equal(choice_of("{\"f\":\"full\"}", &text), 0);
    assert_string_equal(text, "full");
    assert_int_equal(choice_of("{}", &text), 0);
    assert_null(text);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_refused(choice_of(bad[i], &text));
}

static void a_flag_is_true_or_false_or_absent(void **state)
{
    static const char *const bad[] = {"{\"f\":null}", "{\"f\":0}", "{\"f\":1}", "{\"f\":\"true\"}",
                                      "{\"f\":{}}"};
    bool flag = false;

    (void)state;
    fake_request_body(&fake, "{\"f\":true}");
    assert_int_equal(field_flag(&fake.request, &fake.response, "f", &flag), 0);
    assert_true(flag);
    for (size_t i = 0; i < COUNT(bad); i++) {
        fake_request_body(&fake, bad[i]);
        assert_refused(field_flag(&fake.request, &fake.response, "f", &flag));
        assert_true(flag);
    }
    fake_request_body(&fake, "{\"f\":false}");
    assert_int_equal(field_flag(&fake.request, &fake.response, "f", &flag), 0);
    assert_false(flag);
    flag = true;
    fake_request_body(&fake, "{}");
    assert_int_equal(field_flag(&fake.request, &fake.response, "f", &flag), 0);
    assert_false(flag);
}

#define field_test(test) cmocka_unit_test_setup_teardown(test, fake_begin, fake_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        field_test(a_member_is_present_also_as_null),
        field_test(without_a_body_nothing_is_present),
        field_test(texts_are_measured_in_code_points),
        field_test(only_texts_are_texts),
        field_test(an_absent_or_null_text_is_none_unless_required),
        field_test(names_are_trimmed),
        field_test(names_outlive_the_body),
        field_test(names_nobody_could_read_are_refused),
        field_test(a_name_that_is_not_required_may_be_absent),
        field_test(ids_are_whole_positive_and_of_53_bits),
        field_test(a_choice_is_one_of_the_list),
        field_test(a_flag_is_true_or_false_or_absent),
    };

    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
