#include "unit.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/json_edge.h"
#include "notifier/update.h"

#define ALICE                                                                                    \
    "{\"id\":4503599627370495,\"is_bot\":false,\"first_name\":\"Alice\",\"last_name\":\"Ames\"," \
    "\"username\":\"alice_a\",\"language_code\":\"ru\"}"
#define CHAT         "{\"id\":4503599627370495,\"type\":\"private\",\"first_name\":\"Alice\"}"
#define MESSAGE      "\"message_id\":17,\"date\":1,\"chat\":" CHAT ",\"from\":" ALICE
#define BOTS(id)     "{\"message_id\":" id ",\"date\":1,\"chat\":" CHAT ",\"text\":\"Bob: hi\"}"
#define TAP(rest)    "{\"update_id\":9,\"callback_query\":{\"id\":\"77\",\"from\":" ALICE rest "}}"
#define UPDATE(rest) "{\"update_id\":9," rest "}"
#define SAID(rest)   UPDATE("\"message\":{" MESSAGE rest "}")

struct read {
    struct arena arena;
    struct json_object *object;
    struct update update;
};

static void read_text(struct read *read, const char *text)
{
    arena_init(&read->arena);
    assert_int_equal(json_edge_parse(text, strlen(text), 64, &read->object), 0);
    assert_int_equal(update_read(read->object, "perch_bot", &read->arena, &read->update), 0);
}

static void read_end(struct read *read)
{
    json_object_put(read->object);
    arena_release(&read->arena);
}

static void assert_kind(const char *text, enum update_kind kind)
{
    struct read read;

    read_text(&read, text);
    assert_int_equal(read.update.kind, kind);
    read_end(&read);
}

static void a_text_has_its_person_and_its_chat(void **state)
{
    struct read read;

    (void)state;
    read_text(&read, SAID(",\"text\":\"hello\""));
    assert_int_equal(read.update.kind, UPDATE_TEXT);
    assert_int_equal(read.update.id, 9);
    assert_int_equal(read.update.chat_id, 4503599627370495);
    assert_int_equal(read.update.message_id, 17);
    assert_string_equal(read.update.name, "Alice Ames");
    assert_string_equal(read.update.username, "alice_a");
    assert_string_equal(read.update.locale, "ru");
    assert_string_equal(read.update.text, "hello");
    assert_null(read.update.tap_id);
    read_end(&read);
}

static void a_command_comes_with_its_argument(void **state)
{
    struct read read;

    (void)state;
    read_text(&read, SAID(",\"text\":\"/start code\""));
    assert_int_equal(read.update.kind, UPDATE_COMMAND);
    assert_int_equal(read.update.command.kind, COMMAND_START);
    assert_string_equal(read.update.command.argument, "code");
    read_end(&read);
    assert_kind(SAID(",\"text\":\"/help\",\"reply_to_message\":" BOTS("3")), UPDATE_COMMAND);
    assert_kind(SAID(",\"text\":\"/etc/fstab\",\"reply_to_message\":" BOTS("3")), UPDATE_REPLY);
}

static void a_reply_names_the_message_it_replies_to(void **state)
{
    struct read read;

    (void)state;
    read_text(&read, SAID(",\"text\":\"yes\",\"reply_to_message\":" BOTS("3")));
    assert_int_equal(read.update.kind, UPDATE_REPLY);
    assert_int_equal(read.update.reply_to, 3);
    read_end(&read);
    assert_kind(SAID(",\"text\":\"yes\",\"external_reply\":{\"message_id\":3}"), UPDATE_TEXT);
}

static void what_is_no_text_is_media_or_a_note_of_telegrams(void **state)
{
    (void)state;
    assert_kind(SAID(",\"photo\":[],\"caption\":\"look\""), UPDATE_MEDIA);
    assert_kind(SAID(",\"sticker\":{},\"reply_to_message\":" BOTS("3")), UPDATE_MEDIA);
    assert_kind(SAID(",\"voice\":{}"), UPDATE_MEDIA);
    assert_kind(SAID(",\"pinned_message\":{}"), UPDATE_NONE);
    assert_kind(SAID(""), UPDATE_NONE);
    assert_kind(UPDATE("\"edited_message\":{" MESSAGE ",\"text\":\"new\"}"), UPDATE_EDIT);
    assert_kind(UPDATE("\"edited_message\":{" MESSAGE ",\"text\":\"/start x\"}"), UPDATE_EDIT);
    assert_kind(UPDATE("\"edited_message\":{" MESSAGE ",\"location\":{}}"), UPDATE_NONE);
}

static void a_tap_has_its_button_if_the_message_is_of_this_chat(void **state)
{
    struct read read;

    (void)state;
    read_text(&read, TAP(",\"data\":\"m60\",\"message\":" BOTS("3")));
    assert_int_equal(read.update.kind, UPDATE_TAP);
    assert_string_equal(read.update.tap_id, "77");
    assert_int_equal(read.update.button.kind, BUTTON_MUTE);
    assert_int_equal(read.update.chat_id, 4503599627370495);
    read_end(&read);

    static const char *const strange[] = {
        TAP(""),
        TAP(",\"data\":\"m60\""),
        TAP(",\"data\":7,\"message\":" BOTS("3")),
        TAP(",\"data\":\"drop table\",\"message\":" BOTS("3")),
        TAP(",\"data\":\"m60\",\"message\":{\"message_id\":3,\"chat\":{\"id\":5,"
            "\"type\":\"private\"}}"),
        TAP(",\"data\":\"m60\",\"message\":{\"message_id\":3,\"chat\":{\"id\":4503599627370495,"
            "\"type\":\"group\"}}")};
    for (size_t i = 0; i < COUNT(strange); i++) {
        read_text(&read, strange[i]);
        assert_int_equal(read.update.kind, UPDATE_TAP);
        assert_int_equal(read.update.button.kind, BUTTON_UNKNOWN);
        read_end(&read);
    }
}

static void blocking_and_unblocking_is_told_from_the_rest(void **state)
{
    (void)state;
#define MEMBER(status)                                             \
    UPDATE("\"my_chat_member\":{\"chat\":" CHAT ",\"from\":" ALICE \
           ",\"old_chat_member\":{\"status\":\"x\"},\"new_chat_member\":{\"status\":" status "}}")
    assert_kind(MEMBER("\"kicked\""), UPDATE_BLOCKED);
    assert_kind(MEMBER("\"member\""), UPDATE_UNBLOCKED);
    assert_kind(MEMBER("\"administrator\""), UPDATE_NONE);
    assert_kind(MEMBER("5"), UPDATE_NONE);
}

static void only_people_in_private_chats_are_served(void **state)
{
    (void)state;
#define FROM(chat, from) \
    UPDATE("\"message\":{\"message_id\":1,\"text\":\"hi\",\"chat\":" chat ",\"from\":" from "}")
    assert_kind(FROM("{\"id\":5,\"type\":\"private\"}", "{\"id\":5}"), UPDATE_TEXT);
    assert_kind(FROM("{\"id\":-5,\"type\":\"group\"}", "{\"id\":5}"), UPDATE_NONE);
    assert_kind(FROM("{\"id\":-5,\"type\":\"private\"}", "{\"id\":-5}"), UPDATE_NONE);
    assert_kind(FROM("{\"id\":5,\"type\":\"channel\"}", "{\"id\":5}"), UPDATE_NONE);
    assert_kind(FROM("{\"id\":5,\"type\":\"private\"}", "{\"id\":6}"), UPDATE_NONE);
    assert_kind(FROM("{\"id\":5,\"type\":\"private\"}", "{\"id\":5,\"is_bot\":true}"), UPDATE_NONE);
    assert_kind(FROM("{\"id\":5,\"type\":\"private\"}", "null"), UPDATE_NONE);
    assert_kind(UPDATE("\"channel_post\":{" MESSAGE ",\"text\":\"hi\"}"), UPDATE_NONE);
    assert_kind(UPDATE("\"poll\":{}"), UPDATE_NONE);
}

static void names_may_be_missing_or_of_another_type(void **state)
{
    struct read read;

    (void)state;
    read_text(&read, FROM("{\"id\":5,\"type\":\"private\"}",
                          "{\"id\":5,\"first_name\":3,\"username\":[],\"language_code\":{}}"));
    assert_string_equal(read.update.name, "");
    assert_null(read.update.username);
    assert_null(read.update.locale);
    read_end(&read);
    read_text(&read, FROM("{\"id\":5,\"type\":\"private\"}", "{\"id\":5,\"last_name\":\"Ames\"}"));
    assert_string_equal(read.update.name, "Ames");
    read_end(&read);
}

static void without_an_id_nothing_can_be_done(void **state)
{
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "7",
                                        "\"x\"",
                                        "null",
                                        "{\"update_id\":\"9\"}",
                                        "{\"update_id\":-9}",
                                        "{\"update_id\":0}",
                                        "{\"update_id\":9007199254740993}",
                                        "{\"update_id\":null}"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct update update;
        struct arena arena;
        json_object *object = json_tokener_parse(texts[i]);

        arena_init(&arena);
        assert_int_equal(update_read(object, "perch_bot", &arena, &update), ERR_INVALID);
        json_object_put(object);
        arena_release(&arena);
    }
}

/* One member after the other replaced by something else: it is read to something, never crashes. */
static void whatever_is_wrong_in_it_it_is_read(void **state)
{
    static const char *const whole[] = {
        SAID(",\"text\":\"/start code\",\"reply_to_message\":" BOTS("3")),
        UPDATE("\"edited_message\":{" MESSAGE ",\"text\":\"new\"}"),
        TAP(",\"data\":\"m60\",\"message\":" BOTS("3")), MEMBER("\"kicked\"")};
    static const char *const others[] = {
        "null", "true", "-1",    "1e300",           "\"\"", "\"\xf0\x9f\x98\x80\"",
        "[]",   "{}",   "[[1]]", "9007199254740993"};

    (void)state;
    srandom(5);
    for (int round = 0; round < 20000; round++) {
        json_object *object = json_tokener_parse(whole[(size_t)random() % COUNT(whole)]);
        json_object *at = object;
        struct update update;
        struct arena arena;

        for (int depth = (int)(random() % 5); json_object_is_type(at, json_type_object); depth--) {
            size_t chosen = (size_t)random() % (size_t)(json_object_object_length(at) + 1);
            json_object *next = NULL;

            json_object_object_foreach (at, key, value) {
                if (chosen-- > 0)
                    continue;
                next = value;
                if (depth <= 0 && strcmp(key, "update_id") != 0)
                    json_object_object_add(
                        at, key, json_tokener_parse(others[(size_t)random() % COUNT(others)]));
                break;
            }
            at = depth > 0 ? next : NULL;
        }
        arena_init(&arena);
        assert_int_equal(update_read(object, "perch_bot", &arena, &update), 0);
        assert_true(update.kind == UPDATE_NONE || (update.name != NULL && update.chat_id > 0));
        if (update.kind == UPDATE_TEXT || update.kind == UPDATE_REPLY)
            assert_non_null(update.text);
        if (update.kind == UPDATE_TAP)
            assert_non_null(update.tap_id);
        json_object_put(object);
        arena_release(&arena);
    }
}

static void a_message_is_what_the_web_takes(void **state)
{
    char text[2 * UPDATE_BODY_MAX + 3];

    (void)state;
    assert_true(update_body_fits("x"));
    assert_false(update_body_fits(""));
    assert_false(update_body_fits(" \n\xe2\x80\x8b"));
    for (int i = 0; i <= UPDATE_BODY_MAX; i++)
        memcpy(text + 2 * i, "ж", 3);
    assert_false(update_body_fits(text));
    assert_true(update_body_fits(text + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_has_its_person_and_its_chat),
        cmocka_unit_test(a_command_comes_with_its_argument),
        cmocka_unit_test(a_reply_names_the_message_it_replies_to),
        cmocka_unit_test(what_is_no_text_is_media_or_a_note_of_telegrams),
        cmocka_unit_test(a_tap_has_its_button_if_the_message_is_of_this_chat),
        cmocka_unit_test(blocking_and_unblocking_is_told_from_the_rest),
        cmocka_unit_test(only_people_in_private_chats_are_served),
        cmocka_unit_test(names_may_be_missing_or_of_another_type),
        cmocka_unit_test(without_an_id_nothing_can_be_done),
        cmocka_unit_test(whatever_is_wrong_in_it_it_is_read),
        cmocka_unit_test(a_message_is_what_the_web_takes),
    };

    return cmocka_run_group_tests_name("update", tests, NULL, NULL);
}
