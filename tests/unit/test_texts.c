#include "unit.h"

#include <string.h>

#include "notifier/texts.h"

static void assert_text(enum texts_locale locale, int64_t number, const char *wanted)
{
    struct buf buf = {0};

    texts_add(&buf, locale, TEXTS_NEW_MESSAGES, number);
    assert_string_equal(buf.data, wanted);
    buf_release(&buf);
}

static void english_has_two_forms(void **state)
{
    (void)state;
    assert_text(TEXTS_EN, 0, "0 new messages");
    assert_text(TEXTS_EN, 1, "1 new message");
    assert_text(TEXTS_EN, 2, "2 new messages");
    assert_text(TEXTS_EN, 11, "11 new messages");
    assert_text(TEXTS_EN, 21, "21 new messages");
}

static void russian_has_three_forms(void **state)
{
    static const int64_t one[] = {1, 21, 101, 1001, 121};
    static const int64_t few[] = {2, 3, 4, 22, 34, 102, 1004};
    static const int64_t many[] = {0,  5,  9,  10, 11,  12,  13,  14,
                                   15, 19, 20, 25, 111, 112, 114, 1011};
    struct buf wanted = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(one); i++, buf_clear(&wanted)) {
        buf_addf(&wanted, "%d новое сообщение", (int)one[i]);
        assert_text(TEXTS_RU, one[i], wanted.data);
    }
    for (size_t i = 0; i < COUNT(few); i++, buf_clear(&wanted)) {
        buf_addf(&wanted, "%d новых сообщения", (int)few[i]);
        assert_text(TEXTS_RU, few[i], wanted.data);
    }
    for (size_t i = 0; i < COUNT(many); i++, buf_clear(&wanted)) {
        buf_addf(&wanted, "%d новых сообщений", (int)many[i]);
        assert_text(TEXTS_RU, many[i], wanted.data);
    }
    buf_release(&wanted);
}

static void every_text_is_there_in_every_language_and_form(void **state)
{
    struct buf buf = {0};

    (void)state;
    for (int key = 0; key < TEXTS_COUNT; key++)
        for (int locale = 0; locale < TEXTS_LOCALES; locale++)
            for (int64_t number = 1; number <= 5; number++) {
                buf_clear(&buf);
                texts_add(&buf, (enum texts_locale)locale, (enum texts_key)key, number);
                assert_true(buf.length > 0);
                assert_null(strstr(buf.data, "{"));
            }
    buf_release(&buf);
}

static void the_languages_differ(void **state)
{
    (void)state;
    for (int key = 0; key < TEXTS_COUNT; key++) {
        struct buf english = {0}, russian = {0};

        texts_add(&english, TEXTS_EN, (enum texts_key)key, 7);
        texts_add(&russian, TEXTS_RU, (enum texts_key)key, 7);
        assert_string_not_equal(english.data, russian.data);
        buf_release(&english);
        buf_release(&russian);
    }
}

static void language_tags_are_understood(void **state)
{
    static const char *const english[] = {"en", "en-US", "", "de", "rue", "r", "r\0u"};
    static const char *const russian[] = {"ru", "RU", "ru-RU", "ru-Latn"};

    (void)state;
    assert_int_equal(texts_locale(NULL), TEXTS_EN);
    for (size_t i = 0; i < COUNT(english); i++)
        assert_int_equal(texts_locale(english[i]), TEXTS_EN);
    for (size_t i = 0; i < COUNT(russian); i++)
        assert_int_equal(texts_locale(russian[i]), TEXTS_RU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(english_has_two_forms),
        cmocka_unit_test(russian_has_three_forms),
        cmocka_unit_test(every_text_is_there_in_every_language_and_form),
        cmocka_unit_test(the_languages_differ),
        cmocka_unit_test(language_tags_are_understood),
    };

    return cmocka_run_group_tests_name("texts", tests, NULL, NULL);
}
