#include "unit.h"

#include <json-c/json_tokener.h>
#include <string.h>

#include "fcgi-app/render.h"

static struct buf text;

static int text_release(void **state)
{
    (void)state;
    buf_release(&text);
    text = (struct buf){0};
    return 0;
}

/* What was rendered, read by another JSON library's rules and written in one form. */
static void assert_renders(const char *json)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *object;

    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    object = json_tokener_parse_ex(tokener, text.data, (int)text.length + 1);
    assert_int_equal(json_tokener_get_error(tokener), json_tokener_success);
    assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                   JSON_C_TO_STRING_NOSLASHESCAPE),
                        json);
    json_object_put(object);
    json_tokener_free(tokener);
}

static const struct store_user anna = {
    .id = INT64_C(9007199254740991),
    .username = "anna",
    .display_name = "Анна \"К\"\\\n</script>",
    .created_at = "2026-11-21T04:20:42.000Z",
    .last_seen_at = "2026-11-21T05:00:00.000Z",
    .online = true,
};

#define ANNA                                                                      \
    "{\"id\":9007199254740991,\"username\":\"anna\",\"display_name\":\"Анна " \
    "\\\"К\\\"\\\\\\n</script>\",\"online\":true,\"last_seen_at\":\"2026-11-21"  \
    "T05:00:00.000Z\",\"created_at\":\"2026-11-21T04:20:42.000Z\",\"deleted\":false}"

static void a_user_has_every_member_of_the_contract(void **state)
{
    (void)state;
    render_user(&text, &anna);
    assert_renders(ANNA);
}

static void a_user_without_a_chosen_name_shows_the_other(void **state)
{
    const struct store_user user = {.id = 1, .username = "ben", .created_at = "t"};

    (void)state;
    render_user(&text, &user);
    assert_renders("{\"id\":1,\"username\":\"ben\",\"display_name\":\"ben\",\"online\":false,"
                   "\"last_seen_at\":null,\"created_at\":\"t\",\"deleted\":false}");
}

static void a_deleted_user_has_no_names(void **state)
{
    const struct store_user user = {.id = 1, .created_at = "t", .deleted = true};

    (void)state;
    render_user(&text, &user);
    assert_renders("{\"id\":1,\"username\":null,\"display_name\":null,\"online\":false,"
                   "\"last_seen_at\":null,\"created_at\":\"t\",\"deleted\":true}");
}

static void one_sees_ones_own_settings(void **state)
{
    const struct store_settings settings = {.locale = "ru",
                                            .time_zone = "Europe/Moscow",
                                            .preview = "full",
                                            .quiet_from = "22:00",
                                            .delay_s = 60,
                                            .telegram = "@anna"};

    (void)state;
    render_me(&text, &anna, &settings);
    assert_renders("{\"user\":" ANNA ",\"settings\":{\"locale\":\"ru\",\"time_zone\":"
                   "\"Europe/Moscow\",\"notify\":{\"preview\":\"full\",\"quiet_from\":\"22:00\","
                   "\"quiet_to\":null,\"delay_s\":60},\"telegram\":\"@anna\"}}");
}

static void a_change_of_a_user_is_an_event(void **state)
{
    (void)state;
    render_user_event(&text, &anna);
    assert_renders("{\"type\":\"user\",\"user\":" ANNA "}");
}

static void a_change_of_presence_is_an_event(void **state)
{
    (void)state;
    render_presence_event(&text, 7, 'a', INT64_C(1795248603007));
    assert_renders("{\"type\":\"presence\",\"id\":7,\"online\":true,\"active\":true,"
                   "\"last_seen_at\":\"2026-11-21T08:10:03.007Z\"}");
    buf_clear(&text);
    render_presence_event(&text, 7, 'i', 0);
    assert_renders("{\"type\":\"presence\",\"id\":7,\"online\":true,\"active\":false,"
                   "\"last_seen_at\":\"1970-01-01T00:00:00.000Z\"}");
    buf_clear(&text);
    render_presence_event(&text, 7, '0', 999);
    assert_renders("{\"type\":\"presence\",\"id\":7,\"online\":false,\"active\":false,"
                   "\"last_seen_at\":\"1970-01-01T00:00:00.999Z\"}");
}

static void id_0_is_null(void **state)
{
    (void)state;
    render_id(&text, 0);
    buf_adds(&text, " ");
    render_id(&text, 5);
    assert_string_equal(text.data, "null 5");
}

static void every_problem_is_a_json_object(void **state)
{
    for (int err = -1; err >= -ERR_COUNT; err--) {
        struct json_object *problem;
        struct json_object *value = NULL;

        render_problem(&text, err_info(err));
        buf_adds(&text, "}");
        problem = json_tokener_parse(text.data);
        assert_non_null(problem);
        assert_int_equal(json_object_object_length(problem), 4);
        assert_true(json_object_object_get_ex(problem, "type", &value));
        assert_string_equal(json_object_get_string(value), "about:blank");
        assert_true(json_object_object_get_ex(problem, "status", &value));
        assert_int_equal(json_object_get_int(value), err_info(err)->status);
        assert_true(json_object_object_get_ex(problem, "code", &value));
        assert_string_equal(json_object_get_string(value), err_info(err)->code);
        assert_true(json_object_object_get_ex(problem, "title", &value));
        assert_string_equal(json_object_get_string(value), err_info(err)->title);
        json_object_put(problem);
        text_release(state);
    }
}

static void a_polls_reply_begins_with_its_position(void **state)
{
    (void)state;
    render_poll_head(&text, "a1-1", "a1-2", true, 1500, false);
    buf_adds(&text, "]}");
    assert_renders("{\"from\":\"a1-1\",\"cursor\":\"a1-2\",\"more\":true,\"after_ms\":1500,"
                   "\"events\":[]}");
}

static void a_superseded_poll_is_told(void **state)
{
    (void)state;
    render_poll_head(&text, "a1-1", "a1-1", false, 1000, true);
    buf_adds(&text, "]}");
    assert_renders("{\"from\":\"a1-1\",\"cursor\":\"a1-1\",\"more\":false,\"after_ms\":1000,"
                   "\"superseded\":true,\"events\":[]}");
}

#define render_test(test) cmocka_unit_test_teardown(test, text_release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        render_test(a_user_has_every_member_of_the_contract),
        render_test(a_user_without_a_chosen_name_shows_the_other),
        render_test(a_deleted_user_has_no_names),
        render_test(one_sees_ones_own_settings),
        render_test(a_change_of_a_user_is_an_event),
        render_test(a_change_of_presence_is_an_event),
        render_test(id_0_is_null),
        render_test(every_problem_is_a_json_object),
        render_test(a_polls_reply_begins_with_its_position),
        render_test(a_superseded_poll_is_told),
    };

    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
