#include "compose.h"

#include <inttypes.h>
#include <string.h>

#include "button.h"
#include "sanitize.h"
#include "utf16.h"

/* Of a digest. What stands before a body in its line (half the line for the name, and what makes
 * that harmless; a number) is always shorter than the shortest line. */
enum {
    COMPOSE_REST_UNITS = 120,     /* kept for the first and the last line */
    COMPOSE_LINE_UNITS = 300,     /* a sender's line is not longer, even if there is room */
    COMPOSE_LINE_UNITS_MIN = 120, /* nor shorter: then fewer senders are named */
};

/* What is being written: within which limits, with bold or without. */
struct compose_job {
    struct compose *compose;
    enum texts_locale locale;
    enum compose_preview preview;
    size_t max_units;
    bool plain;
};

enum compose_preview compose_preview(const char *word)
{
    if (word && strcmp(word, "full") == 0)
        return COMPOSE_FULL;
    return word && strcmp(word, "sender") == 0 ? COMPOSE_SENDER : COMPOSE_OFF;
}

static void compose_add_text(const struct compose_job *job, enum texts_key key, int64_t number)
{
    texts_add(&job->compose->text, job->locale, key, number);
}

static void compose_add_name(const struct compose_job *job, const char *name, size_t max_units)
{
    struct compose *compose = job->compose;
    size_t from = compose->text.length;
    size_t offset = from > 0 ? utf16_units(compose->text.data, from) : 0;

    if (!name)
        compose_add_text(job, TEXTS_DELETED_ACCOUNT, 0);
    else if (!sanitize_name(&compose->text, name, max_units))
        compose_add_text(job, TEXTS_NO_NAME, 0);
    if (job->plain)
        return;
    compose->entities[compose->entity_count++] = (struct compose_entity){
        offset, utf16_units(compose->text.data + from, compose->text.length - from)};
}

/* What was written, cut to what there is room for behind the `from` bytes of its line or message;
 * or that nothing can be seen of it. */
static void compose_add_body(const struct compose_job *job, const char *body, size_t from,
                             size_t max_units, bool (*sanitize)(struct buf *buf, const char *text))
{
    struct buf *text = &job->compose->text;
    size_t begin = text->length;

    if (!sanitize(text, body))
        compose_add_text(job, TEXTS_BLANK_MESSAGE, 0);
    utf16_shorten(text, begin, max_units - utf16_units(text->data + from, begin - from),
                  COMPOSE_BYTES_MAX - begin);
}

static void compose_write_one(const struct compose_job *job, const struct compose_sender *sender)
{
    struct buf *text = &job->compose->text;

    compose_add_name(job, sender->name, COMPOSE_NAME_UNITS);
    buf_adds(text, ": ");
    if (sender->new_count > 1 || job->preview == COMPOSE_SENDER)
        compose_add_text(job, TEXTS_NEW_MESSAGES, sender->new_count);
    if (job->preview == COMPOSE_SENDER)
        return;
    if (sender->new_count > 1)
        buf_adds(text, "\n");
    compose_add_body(job, sender->body, 0, job->max_units, sanitize_text);
}

static void compose_write_line(const struct compose_job *job, const struct compose_sender *sender,
                               size_t max_units)
{
    struct buf *text = &job->compose->text;
    size_t from = text->length;

    compose_add_name(job, sender->name, max_units / 2);
    if (job->preview == COMPOSE_SENDER) {
        buf_adds(text, ": ");
        compose_add_text(job, TEXTS_NEW_MESSAGES, sender->new_count);
        return;
    }
    if (sender->new_count > 1) {
        buf_adds(text, " (");
        buf_addi(text, sender->new_count);
        buf_adds(text, ")");
    }
    buf_adds(text, ": ");
    compose_add_body(job, sender->body, from, max_units, sanitize_line);
}

static void compose_write_digest(const struct compose_job *job, const struct compose_news *news)
{
    size_t room = job->max_units - COMPOSE_REST_UNITS;
    size_t most = room / COMPOSE_LINE_UNITS_MIN;
    int lines = news->sender_count;
    size_t line_units;

    if (most > COMPOSE_LINES_MAX)
        most = COMPOSE_LINES_MAX;
    if (lines > (int)most)
        lines = (int)most;
    line_units = room / (size_t)lines - 1; /* and the end of the line */
    if (line_units > COMPOSE_LINE_UNITS)
        line_units = COMPOSE_LINE_UNITS;
    compose_add_text(job, TEXTS_DIGEST, 0);
    for (int i = 0; i < lines; i++) {
        buf_adds(&job->compose->text, "\n");
        compose_write_line(job, &news->senders[i], line_units);
    }
    if (lines < news->sender_count) {
        buf_adds(&job->compose->text, "\n");
        compose_add_text(job, TEXTS_MORE_PEOPLE, news->sender_count - lines);
    }
}

static void compose_write_count(const struct compose_job *job, const struct compose_news *news)
{
    int64_t count = 0;

    for (int i = 0; i < news->sender_count; i++)
        count += news->senders[i].new_count;
    compose_add_text(job, TEXTS_YOU_HAVE_NEW, count);
}

static void compose_write_label(struct buf *label, const struct compose_job *job,
                                enum texts_key key)
{
    buf_clear(label);
    texts_add(label, job->locale, key, 0);
}

static void compose_write_buttons(const struct compose_job *job, const struct compose_news *news)
{
    const struct button mute = button_mute(COMPOSE_MUTE_MINUTES);
    struct buf *members = &job->compose->members;
    struct buf label = {0}, url = {0};

    button_row_begin(members);
    if (!job->plain && button_url_fits(news->open_url)) {
        size_t length = strlen(news->open_url);

        buf_add(&url, news->open_url, length - (news->open_url[length - 1] == '/'));
        buf_adds(&url, "/#/");
        if (news->open_peer != 0 && job->preview != COMPOSE_OFF)
            buf_addf(&url, "with/%" PRId64, news->open_peer);
        compose_write_label(&label, job, TEXTS_BUTTON_OPEN);
        button_add_url(members, label.data, url.data);
    }
    compose_write_label(&label, job, TEXTS_BUTTON_MUTE);
    button_add(members, label.data, &mute);
    button_row_end(members);
    buf_release(&label);
    buf_release(&url);
}

void compose_write(struct compose *compose, const struct compose_news *news, bool plain)
{
    const struct compose_job job = {
        .compose = compose,
        .locale = news->locale,
        .preview = news->preview < news->ceiling ? news->preview : news->ceiling,
        .max_units = plain ? COMPOSE_PLAIN_UNITS : COMPOSE_UNITS_MAX,
        .plain = plain,
    };

    buf_clear(&compose->text);
    buf_clear(&compose->members);
    compose->entity_count = 0;
    if (job.preview == COMPOSE_OFF)
        compose_write_count(&job, news);
    else if (news->sender_count == 1)
        compose_write_one(&job, &news->senders[0]);
    else
        compose_write_digest(&job, news);
    compose_write_buttons(&job, news);
}

void compose_release(struct compose *compose)
{
    buf_release(&compose->text);
    buf_release(&compose->members);
    compose->entity_count = 0;
}

/* The rest of the object, behind the ids. An edit without buttons would take them away. */
static void compose_add_rest(struct buf *json, const struct compose *compose)
{
    buf_adds(json, ",\"text\":");
    buf_add_json(json, compose->text.data);
    for (int i = 0; i < compose->entity_count; i++)
        buf_addf(json, "%s{\"type\":\"bold\",\"offset\":%zu,\"length\":%zu}",
                 i == 0 ? ",\"entities\":[" : ",", compose->entities[i].offset,
                 compose->entities[i].length);
    buf_adds(json, compose->entity_count > 0 ? "]" : "");
    buf_add(json, compose->members.data, compose->members.length);
    buf_adds(json, ",\"link_preview_options\":{\"is_disabled\":true}}");
}

void compose_add_send(struct buf *json, int64_t chat_id, const struct compose *compose)
{
    buf_adds(json, "{\"chat_id\":");
    buf_addi(json, chat_id);
    compose_add_rest(json, compose);
}

void compose_add_edit(struct buf *json, int64_t chat_id, int64_t message_id,
                      const struct compose *compose)
{
    buf_adds(json, "{\"chat_id\":");
    buf_addi(json, chat_id);
    buf_adds(json, ",\"message_id\":");
    buf_addi(json, message_id);
    compose_add_rest(json, compose);
}
