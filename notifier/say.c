#include "say.h"

#include <inttypes.h>
#include <json-c/json_object.h>
#include <string.h>

#include "button.h"
#include "common/err.h"
#include "common/json_edge.h"
#include "compose.h"
#include "sanitize.h"
#include "texts.h"
#include "utf16.h"

enum { SAY_ARGUMENTS_DEPTH = 4, SAY_NAME_MAX = 32 };

static const struct {
    const char *kind;
    const char *text[TEXTS_LOCALES];
} says[] = {
#define SAY(kind, en, ru) {#kind, {en, ru}},
#include "says.def"
#undef SAY
};

/* The kinds without a text. */
static const char say_delete[] = "delete", say_recall[] = "recall";

/* Those that name somebody else. */
static const char say_sent[] = "reply_sent", say_offer[] = "offer";

/* What is being written. */
struct say_job {
    struct compose compose;
    enum texts_locale locale;
    struct json_object *arguments;
};

/* NULL where there is no such kind. */
static const char *say_find(const char *kind, enum texts_locale locale)
{
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        if (strcmp(says[i].kind, kind) == 0)
            return says[i].text[locale];
    return NULL;
}

/* What stands in the braces at `place`; NULL where the row has no such argument. */
static struct json_object *say_argument(const struct say_job *job, const char *place,
                                        char ret_name[SAY_NAME_MAX])
{
    size_t length = strcspn(place + 1, "}");
    struct json_object *value = NULL;

    if (length >= SAY_NAME_MAX)
        return NULL;
    memcpy(ret_name, place + 1, length);
    ret_name[length] = '\0';
    json_object_object_get_ex(job->arguments, ret_name, &value);
    return value;
}

static void say_add_name(struct say_job *job, const char *name)
{
    struct compose *compose = &job->compose;
    struct buf *text = &compose->text;
    size_t from = text->length;
    size_t offset = from > 0 ? utf16_units(text->data, from) : 0;

    if (!sanitize_name(text, name, COMPOSE_NAME_UNITS))
        texts_add(text, job->locale, TEXTS_NO_NAME, 0);
    if (compose->entity_count < COMPOSE_LINES_MAX)
        compose->entities[compose->entity_count++] =
            (struct compose_entity){offset, utf16_units(text->data + from, text->length - from)};
}

/* "1 d 2 h 5 min"; below 0 is for ever. */
static void say_add_time(struct say_job *job, int64_t minutes)
{
    const struct {
        enum texts_key key;
        int64_t count;
    } parts[] = {{TEXTS_DAYS, minutes / 1440},
                 {TEXTS_HOURS, minutes / 60 % 24},
                 {TEXTS_MINUTES, minutes % 60}};
    const char *space = "";

    if (minutes < 0)
        texts_add(&job->compose.text, job->locale, TEXTS_FOR_EVER, 0);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && minutes >= 0; i++)
        if (parts[i].count > 0 || (minutes == 0 && parts[i].key == TEXTS_MINUTES)) {
            buf_adds(&job->compose.text, space);
            texts_add(&job->compose.text, job->locale, parts[i].key, parts[i].count);
            space = " ";
        }
}

static void say_add_value(struct say_job *job, const char *name, struct json_object *value)
{
    static const char time[] = "minutes";
    size_t length = strlen(name);

    if (json_object_is_type(value, json_type_string))
        say_add_name(job, json_object_get_string(value));
    else if (!json_object_is_type(value, json_type_int))
        return;
    else if (length >= strlen(time) && strcmp(name + length - strlen(time), time) == 0)
        say_add_time(job, json_object_get_int64(value));
    else
        buf_addi(&job->compose.text, json_object_get_int64(value));
}

/* Has the row all the arguments of this part, which ends at `end`? */
static bool say_is_complete(const struct say_job *job, const char *part, const char *end)
{
    char name[SAY_NAME_MAX];

    for (; (part = memchr(part, '{', (size_t)(end - part))); part++)
        if (!say_argument(job, part, name))
            return false;
    return true;
}

static void say_fill(struct say_job *job, const char *text)
{
    char name[SAY_NAME_MAX];

    for (size_t plain; *text; text++) {
        plain = strcspn(text, "[]{");
        buf_add(&job->compose.text, text, plain);
        text += plain;
        if (*text == '\0')
            return;
        if (*text == '[' && !say_is_complete(job, text, strchr(text, ']'))) {
            text = strchr(text, ']');
        } else if (*text == '{') {
            struct json_object *value = say_argument(job, text, name);

            if (value)
                say_add_value(job, name, value);
            text = strchr(text, '}');
        }
    }
}

/* 0 where there is no such number. */
static int64_t say_number(const struct say_job *job, const char *name)
{
    struct json_object *value = NULL;

    json_object_object_get_ex(job->arguments, name, &value);
    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

static const char *say_string(const struct say_job *job, const char *name)
{
    struct json_object *value = NULL;

    json_object_object_get_ex(job->arguments, name, &value);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

/* What of others may be shown: what the person wants, and the operator allows. */
static enum compose_preview say_preview(const struct say *say, const struct say_job *job)
{
    enum compose_preview preview = compose_preview(say_string(job, "preview"));

    return preview < say->ceiling ? preview : say->ceiling;
}

/* Takes out the name of somebody else. The others are the person's own. */
static void say_hide_name(const struct say *say, const struct say_job *job)
{
    if (strcmp(say->kind, say_sent) == 0 || strcmp(say->kind, say_offer) == 0)
        json_object_object_del(job->arguments, "account");
}

/* The button of an offer: to whom the text would go. */
static void say_add_offer(struct say_job *job)
{
    const char *offer = say_string(job, "offer");
    const char *account = say_string(job, "account");
    struct buf label = {0};
    struct button button;

    if (!offer)
        return;
    button = button_offer(offer);
    texts_add(&label, job->locale, account ? TEXTS_BUTTON_SEND_TO : TEXTS_BUTTON_SEND, 0);
    if (account && !sanitize_name(&label, account, SAY_LABEL_UNITS))
        texts_add(&label, job->locale, TEXTS_NO_NAME, 0);
    button_row_begin(&job->compose.members);
    button_add(&job->compose.members, label.data, &button);
    button_row_end(&job->compose.members);
    buf_release(&label);
}

static void say_add_message(struct buf *json, const struct say *say, struct say_job *job)
{
    struct compose *compose = &job->compose;

    utf16_shorten(&compose->text, 0, COMPOSE_UNITS_MAX, COMPOSE_BYTES_MAX);
    if (say->reply_to != 0)
        buf_addf(&compose->members,
                 ",\"reply_parameters\":{\"message_id\":%" PRId64
                 ",\"allow_sending_without_reply\":true}",
                 say->reply_to);
    say_add_offer(job);
    compose_add_send(json, say->chat_id, compose);
}

static void say_add_tap(struct buf *json, const struct say *say, struct say_job *job)
{
    utf16_shorten(&job->compose.text, 0, SAY_TAP_UNITS_MAX, COMPOSE_BYTES_MAX);
    buf_adds(json, "{\"callback_query_id\":");
    buf_add_json(json, say->tap_id);
    buf_adds(json, ",\"text\":");
    buf_add_json(json, job->compose.text.data);
    buf_adds(json, "}");
}

static int say_add_delete(struct buf *json, const struct say *say, const struct say_job *job)
{
    int64_t id = say_number(job, "message_id");

    if (id <= 0)
        return ERR_INVALID;
    buf_addf(json, "{\"chat_id\":%" PRId64 ",\"message_id\":%" PRId64 "}", say->chat_id, id);
    return 0;
}

/* Without an address, which Telegram might not take: the text has to go. */
static int say_add_recall(struct buf *json, const struct say *say, struct say_job *job)
{
    const struct compose_sender sender = {.name = say_string(job, "account"),
                                          .new_count = say_number(job, "count")};
    const struct compose_news news = {
        .locale = job->locale,
        .preview = say_preview(say, job),
        .ceiling = COMPOSE_SENDER,
        .sender_count = 1,
        .senders = &sender,
    };
    int64_t id = say_number(job, "message_id");

    if (id <= 0 || sender.new_count <= 0)
        return ERR_INVALID;
    compose_write(&job->compose, &news, false);
    compose_add_edit(json, say->chat_id, id, &job->compose);
    return 0;
}

static int say_add(struct buf *json, const struct say *say, struct say_job *job,
                   enum say_method *ret_method)
{
    const char *text = say_find(say->kind, job->locale);

    if (strcmp(say->kind, say_delete) == 0) {
        *ret_method = SAY_DELETE;
        return say_add_delete(json, say, job);
    }
    if (strcmp(say->kind, say_recall) == 0) {
        *ret_method = SAY_EDIT;
        return say_add_recall(json, say, job);
    }
    if (!text)
        return ERR_INVALID;
    if (say_preview(say, job) == COMPOSE_OFF)
        say_hide_name(say, job);
    say_fill(job, text);
    *ret_method = say->tap_id ? SAY_TAP : SAY_MESSAGE;
    if (say->tap_id)
        say_add_tap(json, say, job);
    else
        say_add_message(json, say, job);
    return 0;
}

const char *say_method_name(enum say_method method)
{
    static const char *const names[] = {[SAY_MESSAGE] = "sendMessage",
                                        [SAY_TAP] = "answerCallbackQuery",
                                        [SAY_EDIT] = "editMessageText",
                                        [SAY_DELETE] = "deleteMessage"};

    return names[method];
}

int say_write(struct buf *json, const struct say *say, enum say_method *ret_method)
{
    struct say_job job = {.locale = texts_locale(say->locale)};
    int err = json_edge_parse(say->arguments, strlen(say->arguments), SAY_ARGUMENTS_DEPTH,
                              &job.arguments);

    if (err == 0 && !json_object_is_type(job.arguments, json_type_object))
        err = ERR_INVALID;
    if (err == 0)
        err = say_add(json, say, &job, ret_method);
    json_object_put(job.arguments);
    compose_release(&job.compose);
    return err;
}
