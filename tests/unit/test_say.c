#include "unit.h"

#include <json-c/json.h>
#include <string.h>

#include "common/err.h"
#include "notifier/say.h"

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    assert_true(json_object_object_get_ex(object, name, &value));
    return value;
}

/* The parameters; json_object_put() them. */
static json_object *written(const struct say *say, enum say_method wanted)
{
    struct buf json = {0};
    enum say_method method = SAY_DELETE;
    json_object *object;

    assert_int_equal(say_write(&json, say, &method), 0);
    assert_int_equal(method, wanted);
    object = json_tokener_parse(json.data);
    assert_non_null(object);
    buf_release(&json);
    return object;
}

static void assert_text(const char *kind, const char *arguments, const char *locale,
                        const char *wanted)
{
    const struct say say = {.chat_id = 5,
                            .kind = kind,
                            .arguments = arguments,
                            .locale = locale,
                            .ceiling = COMPOSE_FULL};
    json_object *object = written(&say, SAY_MESSAGE);

    assert_string_equal(json_object_get_string(member(object, "text")), wanted);
    json_object_put(object);
}

static void a_row_is_a_message_in_the_chats_language(void **state)
{
    (void)state;
    assert_text("unmuted", "{}", "en", "The notifications are on.");
    assert_text("unmuted", "{}", "ru-RU", "Уведомления включены.");
    assert_text("unmuted", "{}", NULL, "The notifications are on.");
    assert_text("unmuted", "{\"more\":[1,{}]}", "de", "The notifications are on.");
}

static void arguments_fill_the_text(void **state)
{
    (void)state;
    assert_text("reply_sent", "{\"account\":\"Bob\",\"preview\":\"full\"}", "en", "Sent to Bob.");
    assert_text("status", "{\"account\":\"Bob\",\"waiting\":3}", "en",
                "This chat gets the notifications of Bob.\nWaiting to be told: 3.");
    assert_text("status", "{\"account\":\"Bob\",\"waiting\":0,\"muted_minutes\":61,\"quiet\":true}",
                "en",
                "This chat gets the notifications of Bob.\nMuted: 1 h 1 min.\nQuiet hours: "
                "now.\nWaiting to be told: 0.");
    assert_text("status", "{\"account\":\"Bob\",\"waiting\":0,\"muted_minutes\":-1}", "ru",
                "Сюда приходят уведомления для Bob.\nБез уведомлений: до /unmute.\nЖдут отправки: "
                "0.");
}

static void what_stands_in_brackets_needs_its_argument(void **state)
{
    (void)state;
    assert_text("unlinked_moved", "{\"account\":\"Bob\"}", "en",
                "The notifications of Bob now go to another chat.");
    assert_text("muted", "{\"minutes\":60}", "en",
                "No notifications for 1 h. /unmute brings them back.");
    assert_text("muted", "{\"minutes\":2885}", "ru",
                "Уведомлений не будет 2 дн. 5 мин. Включить их снова: /unmute.");
    assert_text("muted", "{}", "en", "No notifications. /unmute brings them back.");
    assert_text("linked", "{\"account\":\"A\",\"instead_of\":\"B\"}", "en",
                "This chat now gets the notifications of A. It no longer gets those of B. Reply to "
                "one of them to answer. /help tells the rest.");
    assert_text("linked", "{\"account\":\"A\"}", "en",
                "This chat now gets the notifications of A. Reply to one of them to answer. /help "
                "tells the rest.");
}

static void names_are_bold_and_harmless(void **state)
{
    const struct say say = {.chat_id = 4503599627370495,
                            .kind = "reply_sent",
                            .arguments = "{\"account\":\"😀\\n{account}[/mute]\\u202e\","
                                         "\"preview\":\"sender\"}",
                            .ceiling = COMPOSE_SENDER};
    json_object *object = written(&say, SAY_MESSAGE);
    json_object *entity = json_object_array_get_idx(member(object, "entities"), 0);

    (void)state;
    assert_int_equal(json_object_get_int64(member(object, "chat_id")), 4503599627370495);
    assert_string_equal(json_object_get_string(member(object, "text")),
                        "Sent to 😀 {account}[/\xe2\x81\xa0mute].");
    assert_string_equal(json_object_get_string(member(entity, "type")), "bold");
    assert_int_equal(json_object_get_int(member(entity, "offset")), 8);
    assert_int_equal(json_object_get_int(member(entity, "length")), 2 + 1 + 9 + 8);
    assert_false(json_object_object_get_ex(object, "reply_markup", NULL));
    assert_false(json_object_object_get_ex(object, "reply_parameters", NULL));
    json_object_put(object);
    assert_text("reply_sent", "{\"account\":\"\\u200b\",\"preview\":\"full\"}", "en",
                "Sent to (no name).");
}

static void an_answer_replies_to_the_message_it_is_about(void **state)
{
    const struct say say = {.chat_id = 5, .kind = "media", .arguments = "{}", .reply_to = 17};
    json_object *object = written(&say, SAY_MESSAGE);
    json_object *reply = member(object, "reply_parameters");

    (void)state;
    assert_int_equal(json_object_get_int(member(reply, "message_id")), 17);
    assert_true(json_object_get_boolean(member(reply, "allow_sending_without_reply")));
    json_object_put(object);
}

static json_object *only_button(json_object *object)
{
    json_object *rows = member(member(object, "reply_markup"), "inline_keyboard");

    assert_int_equal(json_object_array_length(rows), 1);
    return json_object_array_get_idx(json_object_array_get_idx(rows, 0), 0);
}

static void an_offer_has_a_button_with_the_persons_name(void **state)
{
    const struct say say = {.chat_id = 5,
                            .kind = "offer",
                            .arguments =
                                "{\"account\":\"Bob\",\"offer\":\"abc-1\",\"preview\":\"full\"}",
                            .ceiling = COMPOSE_FULL};
    json_object *object = written(&say, SAY_MESSAGE);
    json_object *button = only_button(object);

    (void)state;
    assert_string_equal(json_object_get_string(member(button, "text")), "Send to Bob");
    assert_string_equal(json_object_get_string(member(button, "callback_data")), "oabc-1");
    json_object_put(object);
}

static void where_nothing_may_be_shown_nobody_is_named(void **state)
{
    static const struct {
        const char *preview;
        enum compose_preview ceiling;
        bool named;
    } cases[] = {{"\"full\"", COMPOSE_FULL, true}, {"\"sender\"", COMPOSE_FULL, true},
                 {"\"off\"", COMPOSE_FULL, false}, {"\"full\"", COMPOSE_SENDER, true},
                 {"\"full\"", COMPOSE_OFF, false}, {"null", COMPOSE_FULL, false}};
    static const char *const sent[2][2] = {{"Sent.", "Sent to Bob."},
                                           {"Отправлено.", "Отправлено: Bob."}};
    static const char *const labels[2][2] = {{"Send", "Send to Bob"},
                                             {"Отправить", "Отправить: Bob"}};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        bool russian = i % 2, named = cases[i / 2].named;
        struct say say = {.chat_id = 5,
                          .kind = "reply_sent",
                          .locale = russian ? "ru" : "en",
                          .ceiling = cases[i / 2].ceiling};
        struct buf arguments = {0};
        json_object *object;

        buf_addf(&arguments, "{\"account\":\"Bob\",\"offer\":\"abc-1\",\"preview\":%s}",
                 cases[i / 2].preview);
        say.arguments = arguments.data;
        object = written(&say, SAY_MESSAGE);
        assert_string_equal(json_object_get_string(member(object, "text")), sent[russian][named]);
        json_object_put(object);
        say.kind = "offer";
        object = written(&say, SAY_MESSAGE);
        assert_null(strstr(json_object_get_string(member(object, "text")), "Bob"));
        assert_string_equal(json_object_get_string(member(only_button(object), "text")),
                            labels[russian][named]);
        json_object_put(object);
        buf_release(&arguments);
    }
    assert_text("status", "{\"account\":\"Bob\",\"waiting\":3}", "en",
                "This chat gets the notifications of Bob.\nWaiting to be told: 3.");
}

static void an_answer_to_a_tap_is_a_short_note(void **state)
{
    const struct say say = {.chat_id = 5,
                            .kind = "linked",
                            .arguments = "{\"account\":\"Bob\",\"instead_of\":\"Alice\"}",
                            .locale = "ru",
                            .tap_id = "77\"",
                            .reply_to = 3};
    json_object *object = written(&say, SAY_TAP);
    const char *text = json_object_get_string(member(object, "text"));

    (void)state;
    assert_string_equal(json_object_get_string(member(object, "callback_query_id")), "77\"");
    assert_int_equal(json_object_object_length(object), 2);
    assert_true(strlen(text) > 100 && strlen(text) <= 3 * SAY_TAP_UNITS_MAX);
    json_object_put(object);
}

static void a_message_can_be_taken_back(void **state)
{
    const struct say say = {.chat_id = 5, .kind = "delete", .arguments = "{\"message_id\":17}"};
    json_object *object = written(&say, SAY_DELETE);

    (void)state;
    assert_int_equal(json_object_get_int(member(object, "message_id")), 17);
    assert_int_equal(json_object_get_int(member(object, "chat_id")), 5);
    assert_string_equal(say_method_name(SAY_DELETE), "deleteMessage");
    json_object_put(object);
}

static void a_recalled_text_leaves_who_wrote_and_how_many(void **state)
{
    static const struct {
        const char *preview;
        enum compose_preview ceiling;
        const char *text;
    } cases[] = {{"\"full\"", COMPOSE_FULL, "Bob: 2 new messages"},
                 {"\"sender\"", COMPOSE_FULL, "Bob: 2 new messages"},
                 {"\"full\"", COMPOSE_OFF, "You have 2 new messages"},
                 {"\"off\"", COMPOSE_FULL, "You have 2 new messages"},
                 {"null", COMPOSE_FULL, "You have 2 new messages"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct say say = {.chat_id = 5, .kind = "recall", .ceiling = cases[i].ceiling};
        struct buf arguments = {0};
        json_object *object;

        buf_addf(&arguments, "{\"message_id\":17,\"account\":\"Bob\",\"count\":2,\"preview\":%s}",
                 cases[i].preview);
        say.arguments = arguments.data;
        object = written(&say, SAY_EDIT);
        assert_int_equal(json_object_get_int(member(object, "message_id")), 17);
        assert_string_equal(json_object_get_string(member(object, "text")), cases[i].text);
        assert_string_equal(
            json_object_to_json_string_ext(member(object, "reply_markup"), JSON_C_TO_STRING_PLAIN),
            "{\"inline_keyboard\":[[{\"text\":\"Mute 1 h\",\"callback_data\":\"m60\"}]]}");
        json_object_put(object);
        buf_release(&arguments);
    }
}

static void what_has_no_words_is_an_error(void **state)
{
    static const struct {
        const char *kind, *arguments;
    } cases[] = {{"nothing", "{}"},
                 {"", "{}"},
                 {"unmuted", "[]"},
                 {"unmuted", "null"},
                 {"unmuted", ""},
                 {"unmuted", "{"},
                 {"delete", "{}"},
                 {"delete", "{\"message_id\":\"x\"}"},
                 {"recall", "{\"message_id\":3,\"account\":\"Bob\"}"}};
    struct buf json = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct say say = {
            .chat_id = 5, .kind = cases[i].kind, .arguments = cases[i].arguments};
        enum say_method method = SAY_MESSAGE;

        assert_true(say_write(&json, &say, &method) < 0);
    }
    buf_release(&json);
}

/* Whatever is missing in the arguments, and whatever they are. */
static void every_kind_has_words_in_each_language(void **state)
{
    static const char *const kinds[] = {
#define SAY(kind, en, ru) #kind,
#include "notifier/says.def"
#undef SAY
    };
    static const char *const arguments[] = {
        "{}",
        "{\"account\":\"{[\",\"instead_of\":\"]}\",\"minutes\":0,\"muted_minutes\":5,"
        "\"quiet\":true,\"waiting\":9,\"offer\":\"o\"}",
        "{\"account\":7,\"minutes\":\"x\",\"muted_minutes\":null,\"quiet\":{},\"waiting\":[1],"
        "\"offer\":7}"};

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++)
        for (size_t j = 0; j < 2 * COUNT(arguments); j++) {
            const struct say say = {.chat_id = 5,
                                    .kind = kinds[i],
                                    .arguments = arguments[j / 2],
                                    .locale = j % 2 ? "ru" : "en"};
            json_object *object = written(&say, SAY_MESSAGE);

            assert_true(json_object_get_string_len(member(object, "text")) > 4);
            json_object_put(object);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_a_message_in_the_chats_language),
        cmocka_unit_test(arguments_fill_the_text),
        cmocka_unit_test(what_stands_in_brackets_needs_its_argument),
        cmocka_unit_test(names_are_bold_and_harmless),
        cmocka_unit_test(an_answer_replies_to_the_message_it_is_about),
        cmocka_unit_test(an_offer_has_a_button_with_the_persons_name),
        cmocka_unit_test(where_nothing_may_be_shown_nobody_is_named),
        cmocka_unit_test(an_answer_to_a_tap_is_a_short_note),
        cmocka_unit_test(a_message_can_be_taken_back),
        cmocka_unit_test(a_recalled_text_leaves_who_wrote_and_how_many),
        cmocka_unit_test(what_has_no_words_is_an_error),
        cmocka_unit_test(every_kind_has_words_in_each_language),
    };

    return cmocka_run_group_tests_name("say", tests, NULL, NULL);
}
