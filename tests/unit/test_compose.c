#include "unit.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "common/utf8.h"
#include "notifier/compose.h"
#include "notifier/utf16.h"

static const struct compose_sender alice = {"Alice", "hello", 1};

static struct compose_news news_of(const struct compose_sender *senders, int count)
{
    return (struct compose_news){.preview = COMPOSE_FULL,
                                 .ceiling = COMPOSE_FULL,
                                 .sender_count = count,
                                 .senders = senders};
}

static void assert_text(const struct compose_news *news, bool plain, const char *wanted)
{
    struct compose compose = {0};

    compose_write(&compose, news, plain);
    assert_string_equal(compose.text.data, wanted);
    compose_release(&compose);
}

static void assert_one(enum texts_locale locale, enum compose_preview preview, const char *body,
                       int64_t count, const char *wanted)
{
    const struct compose_sender sender = {"Alice", body, count};
    struct compose_news news = news_of(&sender, 1);

    news.locale = locale;
    news.preview = preview;
    assert_text(&news, false, wanted);
}

static void one_message_is_told_with_its_text(void **state)
{
    (void)state;
    assert_one(TEXTS_EN, COMPOSE_FULL, "hello", 1, "Alice: hello");
    assert_one(TEXTS_EN, COMPOSE_FULL, "  hello\nworld ", 1, "Alice: hello\nworld");
}

static void a_burst_is_told_with_its_number_and_last_line(void **state)
{
    (void)state;
    assert_one(TEXTS_EN, COMPOSE_FULL, "hello", 7, "Alice: 7 new messages\nhello");
    assert_one(TEXTS_RU, COMPOSE_FULL, "привет", 2, "Alice: 2 новых сообщения\nпривет");
    assert_one(TEXTS_RU, COMPOSE_FULL, "привет", 5, "Alice: 5 новых сообщений\nпривет");
    assert_one(TEXTS_RU, COMPOSE_FULL, "привет", 21, "Alice: 21 новое сообщение\nпривет");
}

static void sender_only_says_who_and_how_many(void **state)
{
    (void)state;
    assert_one(TEXTS_EN, COMPOSE_SENDER, "hello", 1, "Alice: 1 new message");
    assert_one(TEXTS_EN, COMPOSE_SENDER, "hello", 7, "Alice: 7 new messages");
    assert_one(TEXTS_RU, COMPOSE_SENDER, "hello", 1, "Alice: 1 новое сообщение");
}

static void off_says_only_how_many(void **state)
{
    const struct compose_sender senders[] = {alice, {"Bob", "secret", 3}};
    struct compose_news news = news_of(senders, 2);

    (void)state;
    assert_one(TEXTS_EN, COMPOSE_OFF, "hello", 1, "You have 1 new message");
    assert_one(TEXTS_EN, COMPOSE_OFF, "hello", 7, "You have 7 new messages");
    assert_one(TEXTS_RU, COMPOSE_OFF, "hello", 1, "У вас 1 новое сообщение");
    assert_one(TEXTS_RU, COMPOSE_OFF, "hello", 3, "У вас 3 новых сообщения");
    assert_one(TEXTS_RU, COMPOSE_OFF, "hello", 11, "У вас 11 новых сообщений");
    news.preview = COMPOSE_OFF;
    assert_text(&news, false, "You have 4 new messages");
    assert_text(&news, true, "You have 4 new messages");
}

/* N-06: whatever the form is, not a word of the message, and not the sender, is in the request. */
static void off_has_no_word_of_anybody_in_it(void **state)
{
    static const char *const marks[] = {"Zaphod", "Xylophon"};
    const struct compose_sender senders[] = {{"Zaphod", "Xylophon", 1}, {"Zaphod", "Xylophon", 9}};

    (void)state;
    for (int shape = 0; shape < 8; shape++) {
        struct compose_news news = news_of(senders, 1 + shape % 2);
        struct compose compose = {0};
        struct buf json = {0};

        if (shape & 2)
            news.preview = COMPOSE_OFF;
        else
            news.ceiling = COMPOSE_OFF;
        compose_write(&compose, &news, (shape & 4) != 0);
        compose_add_send(&json, 1, &compose);
        compose_add_edit(&json, 1, 2, &compose);
        for (size_t i = 0; i < COUNT(marks); i++)
            assert_null(strstr(json.data, marks[i]));
        assert_int_equal(compose.entity_count, 0);
        buf_release(&json);
        compose_release(&compose);
    }
}

static void the_operator_can_force_the_preview_down(void **state)
{
    struct compose_news news = news_of(&alice, 1);

    (void)state;
    news.ceiling = COMPOSE_SENDER;
    assert_text(&news, false, "Alice: 1 new message");
    news.preview = COMPOSE_OFF;
    assert_text(&news, false, "You have 1 new message");
    assert_int_equal(compose_preview("full"), COMPOSE_FULL);
    assert_int_equal(compose_preview("sender"), COMPOSE_SENDER);
    assert_int_equal(compose_preview("off"), COMPOSE_OFF);
    assert_int_equal(compose_preview("Full"), COMPOSE_OFF);
    assert_int_equal(compose_preview(NULL), COMPOSE_OFF);
}

static void a_digest_names_each_sender_in_a_line(void **state)
{
    const struct compose_sender senders[] = {{"Alice", "last\nBob: pay me", 7}, {"Bob", "hi", 1}};
    struct compose_news news = news_of(senders, 2);

    (void)state;
    assert_text(&news, false, "While you were away:\nAlice (7): last Bob: pay me\nBob: hi");
    news.locale = TEXTS_RU;
    news.preview = COMPOSE_SENDER;
    assert_text(&news, false,
                "Пока вас не было:\nAlice: 7 новых сообщений\nBob: 1 новое сообщение");
}

static void a_digest_of_many_counts_those_it_does_not_name(void **state)
{
    struct compose_sender senders[100];
    struct compose_news news = news_of(senders, COUNT(senders));
    struct compose compose = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(senders); i++)
        senders[i] = alice;
    compose_write(&compose, &news, false);
    assert_int_equal(compose.entity_count, COMPOSE_LINES_MAX);
    assert_non_null(strstr(compose.text.data, "\n… and from 70 more"));
    compose_write(&compose, &news, true);
    assert_int_equal(compose.entity_count, 0);
    assert_true(utf16_units(compose.text.data, compose.text.length) <= COMPOSE_PLAIN_UNITS);
    compose_release(&compose);
}

static void who_or_what_cannot_be_seen_gets_a_placeholder(void **state)
{
    struct compose_sender senders[] = {{"\xe2\x80\x8b ", "\xe2\xa0\x80\n", 1}, {NULL, "hi", 2}};
    struct compose_news news = news_of(senders, 1);

    (void)state;
    assert_text(&news, false, "(no name): (nothing but blanks)");
    news.locale = TEXTS_RU;
    assert_text(&news, false, "(без имени): (только пробелы)");
    news = news_of(senders, 2);
    assert_text(&news, false,
                "While you were away:\n(no name): (nothing but blanks)\n(deleted account) (2): hi");
}

static void only_names_are_bold_counted_in_utf_16_units(void **state)
{
    const struct compose_sender senders[] = {{"😀 Жан", "Bob: hi\nBob: hi", 1}, {"B", "x", 2}};
    struct compose_news news = news_of(senders, 1);
    struct compose compose = {0};

    (void)state;
    compose_write(&compose, &news, false);
    assert_int_equal(compose.entity_count, 1);
    assert_int_equal(compose.entities[0].offset, 0);
    assert_int_equal(compose.entities[0].length, 6);

    news = news_of(senders, 2);
    compose_write(&compose, &news, false);
    assert_int_equal(compose.entity_count, 2);
    assert_int_equal(compose.entities[0].offset, 21);
    assert_int_equal(compose.entities[0].length, 6);
    assert_string_equal(compose.text.data,
                        "While you were away:\n😀 Жан: Bob: hi Bob: hi\nB (2): x");
    assert_int_equal(compose.entities[1].offset, 21 + 6 + 18);
    assert_int_equal(compose.entities[1].length, 1);
    compose_release(&compose);
}

/* "Alice: " and a body of `count` times `what`; returns the text's units. */
static size_t compose_many(struct compose *compose, const char *what, size_t count, bool plain)
{
    struct buf body = {0};
    struct compose_sender sender = {"Alice", NULL, 1};
    struct compose_news news = news_of(&sender, 1);

    buf_reserve(&body, 0);
    for (size_t i = 0; i < count; i++)
        buf_adds(&body, what);
    sender.body = body.data;
    compose_write(compose, &news, plain);
    buf_release(&body);
    return utf16_units(compose->text.data, compose->text.length);
}

static bool ends_in_dots(const struct compose *compose)
{
    return compose->text.length > 3 &&
           strcmp(compose->text.data + compose->text.length - 3, "…") == 0;
}

static void four_thousand_and_ninety_six_units_fit(void **state)
{
    enum { PREFIX = 7 };
    static const size_t units[] = {4095, 4096, 4097, 100000};
    struct compose compose = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(units); i++) {
        bool fits = units[i] <= COMPOSE_UNITS_MAX;

        assert_int_equal(compose_many(&compose, "ж", units[i] - PREFIX, false),
                         fits ? units[i] : COMPOSE_UNITS_MAX);
        assert_int_equal(ends_in_dots(&compose), !fits);
    }
    compose_release(&compose);
}

static void astral_characters_count_twice_and_stay_whole(void **state)
{
    static const size_t emoji[] = {2043, 2044, 2045, 2046, 50000};
    struct compose compose = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(emoji); i++) {
        size_t whole = 7 + 2 * emoji[i];
        size_t units = compose_many(&compose, "😀", emoji[i], false);

        /* Seven units, pairs and the dots: an even number. */
        assert_int_equal(units, whole <= COMPOSE_UNITS_MAX ? whole : COMPOSE_UNITS_MAX);
        assert_int_equal(ends_in_dots(&compose), whole > COMPOSE_UNITS_MAX);
        assert_true(utf8_valid(compose.text.data, compose.text.length));
    }
    compose_many(&compose, "👩‍👧‍👦", 1000, false);
    assert_true(ends_in_dots(&compose));
    assert_int_equal((compose.text.length - strlen("Alice: …")) % strlen("👩‍👧‍👦"), 0);
    compose_release(&compose);
}

static void the_plain_form_is_shorter_and_not_bold(void **state)
{
    struct compose compose = {0};
    struct compose_news news = news_of(&alice, 1);

    (void)state;
    assert_int_equal(compose_many(&compose, "x", 3000, true), COMPOSE_PLAIN_UNITS);
    assert_true(ends_in_dots(&compose));
    assert_int_equal(compose.entity_count, 0);
    compose_release(&compose);
    assert_text(&news, true, "Alice: hello");
}

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    assert_true(json_object_object_get_ex(object, name, &value));
    return value;
}

static void parameters_are_json_without_parse_mode_or_link_previews(void **state)
{
    const struct compose_sender sender = {"\"Al\\\"", "a \"b\"\n\\c\x7f", 1};
    struct compose_news news = news_of(&sender, 1);
    struct compose compose = {0};
    struct buf json = {0};
    json_object *object, *entity;

    (void)state;
    compose_write(&compose, &news, false);
    compose_add_send(&json, 4503599627370495, &compose);
    object = json_tokener_parse(json.data);
    assert_non_null(object);
    assert_int_equal(json_object_get_int64(member(object, "chat_id")), 4503599627370495);
    assert_string_equal(json_object_get_string(member(object, "text")), "\"Al\\\": a \"b\"\n\\c");
    assert_true(
        json_object_get_boolean(member(member(object, "link_preview_options"), "is_disabled")));
    assert_int_equal(json_object_array_length(member(object, "entities")), 1);
    entity = json_object_array_get_idx(member(object, "entities"), 0);
    assert_string_equal(json_object_get_string(member(entity, "type")), "bold");
    assert_int_equal(json_object_get_int(member(entity, "offset")), 0);
    assert_int_equal(json_object_get_int(member(entity, "length")), 5);
    assert_int_equal(json_object_object_length(object), 5);
    json_object_put(object);

    buf_clear(&json);
    compose_write(&compose, &news, true);
    compose_add_edit(&json, -5, 77, &compose);
    object = json_tokener_parse(json.data);
    assert_non_null(object);
    assert_int_equal(json_object_get_int64(member(object, "chat_id")), -5);
    assert_int_equal(json_object_get_int64(member(object, "message_id")), 77);
    assert_false(json_object_object_get_ex(object, "entities", NULL));
    assert_int_equal(json_object_object_length(object), 5);
    json_object_put(object);
    buf_release(&json);
    compose_release(&compose);
}

/* "Label=where …" of the buttons of a new message and of an edit, which are the same. */
static void assert_buttons(const struct compose_news *news, bool plain, const char *wanted)
{
    struct compose compose = {0};

    compose_write(&compose, news, plain);
    for (int edit = 0; edit < 2; edit++) {
        struct buf json = {0}, found = {0};
        json_object *object, *row;

        if (edit)
            compose_add_edit(&json, 1, 2, &compose);
        else
            compose_add_send(&json, 1, &compose);
        object = json_tokener_parse(json.data);
        row = member(member(object, "reply_markup"), "inline_keyboard");
        assert_int_equal(json_object_array_length(row), 1);
        row = json_object_array_get_idx(row, 0);
        for (size_t i = 0; i < json_object_array_length(row); i++) {
            json_object *button = json_object_array_get_idx(row, i);
            json_object *where = NULL;

            if (!json_object_object_get_ex(button, "url", &where))
                where = member(button, "callback_data");
            buf_addf(&found, "%s%s=%s", i > 0 ? " " : "",
                     json_object_get_string(member(button, "text")), json_object_get_string(where));
        }
        assert_string_equal(found.data, wanted);
        json_object_put(object);
        buf_release(&json);
        buf_release(&found);
    }
    compose_release(&compose);
}

static void buttons_open_the_dialog_and_mute_for_an_hour(void **state)
{
    struct compose_news news = news_of(&alice, 1);

    (void)state;
    assert_buttons(&news, false, "Mute 1 h=m60");
    news.open_url = "https://chat.example.org";
    assert_buttons(&news, false, "Open=https://chat.example.org/#/ Mute 1 h=m60");
    news.open_peer = 5;
    assert_buttons(&news, false, "Open=https://chat.example.org/#/with/5 Mute 1 h=m60");
    news.open_url = "https://example.org/perch/";
    assert_buttons(&news, false, "Open=https://example.org/perch/#/with/5 Mute 1 h=m60");
    news.locale = TEXTS_RU;
    assert_buttons(&news, false, "Открыть=https://example.org/perch/#/with/5 Без звука 1 ч=m60");
}

static void a_button_that_telegram_would_refuse_is_left_out(void **state)
{
    struct compose_news news = news_of(&alice, 1);

    (void)state;
    news.open_url = "http://chat.example.org";
    assert_buttons(&news, false, "Mute 1 h=m60");
    news.open_url = "https://localhost:8080";
    assert_buttons(&news, false, "Mute 1 h=m60");
    news.open_url = "https://chat.example.org";
    assert_buttons(&news, true, "Mute 1 h=m60");
}

static void with_preview_off_no_button_tells_the_sender(void **state)
{
    struct compose_news news = news_of(&alice, 1);

    (void)state;
    news.preview = COMPOSE_OFF;
    news.open_url = "https://chat.example.org";
    news.open_peer = 5;
    assert_buttons(&news, false, "Open=https://chat.example.org/#/ Mute 1 h=m60");
}

/* Any code point but NUL and surrogates, with a liking for what makes trouble. */
static void add_random(struct buf *buf, long count)
{
    static const utf8proc_int32_t trouble[] = {
        '\n',   '\r',   '\t',   ' ',    '/',    ':',    0x1b,    0x7f,    0x85,    0xa0,
        0xad,   0x301,  0x34f,  0x5d0,  0x627,  0x115f, 0x200b,  0x200c,  0x200d,  0x200f,
        0x2028, 0x202a, 0x202e, 0x2066, 0x2069, 0x2800, 0x3164,  0xfe0f,  0xfeff,  0xfffc,
        0xffff, 'a',    '<',    '&',    '"',    '\\',   0x1f468, 0x1f3fd, 0x1f1e9, 0xe0067};

    buf_reserve(buf, 0);
    while (count-- > 0) {
        utf8proc_int32_t point = trouble[(size_t)random() % COUNT(trouble)];
        utf8proc_uint8_t bytes[4];

        if (random() % 3 == 0)
            point = 1 + (utf8proc_int32_t)(random() % (random() % 2 ? 0x10ffff : 0xffff));
        if (point >= 0xd800 && point <= 0xdfff)
            continue;
        buf_add(buf, bytes, (size_t)utf8proc_encode_char(point, bytes));
    }
}

static void assert_sound(const struct compose *compose, bool plain)
{
    const char *text = compose->text.data;
    size_t length = compose->text.length, end = 0;
    size_t units = utf16_units(text, length);

    assert_int_equal(strlen(text), length);
    assert_true(length <= COMPOSE_BYTES_MAX);
    assert_true(units <= (plain ? COMPOSE_PLAIN_UNITS : COMPOSE_UNITS_MAX));
    assert_true(utf8_valid(text, length));
    assert_false(utf8_blank(text, length));
    assert_null(strstr(text, "\n\n\n"));
    for (int i = 0; i < compose->entity_count; i++) {
        assert_true(compose->entities[i].length > 0);
        assert_true(compose->entities[i].offset >= end);
        end = compose->entities[i].offset + compose->entities[i].length;
        assert_true(end <= units);
    }
}

static void ten_thousand_random_messages_keep_the_rules(void **state)
{
    enum { SENDERS = 40 };
    struct buf texts[2 * SENDERS] = {{0}};
    struct compose compose = {0};

    (void)state;
    srandom(11);
    for (int round = 0; round < 10000; round++) {
        struct compose_sender senders[SENDERS];
        bool one = random() % 2;
        bool plain = random() % 4 == 0;
        struct compose_news news = news_of(senders, one ? 1 : 2 + (int)(random() % 3));

        if (!one && random() % 10 == 0)
            news.sender_count = SENDERS;
        for (int i = 0; i < news.sender_count; i++) {
            struct buf *name = &texts[2 * i], *body = &texts[2 * i + 1];

            buf_clear(name);
            buf_clear(body);
            add_random(name, random() % 65);
            add_random(body, random() % 50 == 0 ? 4096 : random() % 100);
            senders[i] = (struct compose_sender){
                name->data, body->data, random() % 3 == 0 ? INT64_MAX / 100 : 1 + random() % 9};
        }
        news.locale = (enum texts_locale)(random() % TEXTS_LOCALES);
        news.preview = (enum compose_preview)(random() % 8 == 0 ? random() % 2 : COMPOSE_FULL);
        compose_write(&compose, &news, plain);
        assert_sound(&compose, plain);
        if (plain || (news.preview == COMPOSE_OFF))
            assert_int_equal(compose.entity_count, 0);
        /* One line is the bot's, one each sender's. */
        if (!one && news.preview == COMPOSE_FULL) {
            int lines = 0;

            for (const char *at = compose.text.data; (at = strchr(at, '\n')); at++)
                lines++;
            if (!plain)
                assert_int_equal(lines, compose.entity_count + (news.sender_count == SENDERS));
        }
    }
    for (size_t i = 0; i < COUNT(texts); i++)
        buf_release(&texts[i]);
    compose_release(&compose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_message_is_told_with_its_text),
        cmocka_unit_test(a_burst_is_told_with_its_number_and_last_line),
        cmocka_unit_test(sender_only_says_who_and_how_many),
        cmocka_unit_test(off_says_only_how_many),
        cmocka_unit_test(off_has_no_word_of_anybody_in_it),
        cmocka_unit_test(the_operator_can_force_the_preview_down),
        cmocka_unit_test(a_digest_names_each_sender_in_a_line),
        cmocka_unit_test(a_digest_of_many_counts_those_it_does_not_name),
        cmocka_unit_test(who_or_what_cannot_be_seen_gets_a_placeholder),
        cmocka_unit_test(only_names_are_bold_counted_in_utf_16_units),
        cmocka_unit_test(four_thousand_and_ninety_six_units_fit),
        cmocka_unit_test(astral_characters_count_twice_and_stay_whole),
        cmocka_unit_test(the_plain_form_is_shorter_and_not_bold),
        cmocka_unit_test(parameters_are_json_without_parse_mode_or_link_previews),
        cmocka_unit_test(buttons_open_the_dialog_and_mute_for_an_hour),
        cmocka_unit_test(a_button_that_telegram_would_refuse_is_left_out),
        cmocka_unit_test(with_preview_off_no_button_tells_the_sender),
        cmocka_unit_test(ten_thousand_random_messages_keep_the_rules),
    };

    return cmocka_run_group_tests_name("compose", tests, NULL, NULL);
}
