#include "update.h"

#include <string.h>

#include "common/err.h"
#include "common/utf8.h"

const char update_kinds[] =
    "[\"message\",\"edited_message\",\"callback_query\",\"my_chat_member\"]";

/* Ids of any kind; Telegram promises 52 bits. */
static const int64_t update_id_max = INT64_C(1) << 53;

/* NULL where there is no such member, or `object` is none. */
static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, name, &value);
    return value;
}

static struct json_object *member_object(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    return json_object_is_type(value, json_type_object) ? value : NULL;
}

/* NULL where it is missing or no text. */
static const char *member_text(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

/* A positive id; 0 where there is none. */
static int64_t member_id(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name);
    int64_t id = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
    return id > 0 && id <= update_id_max ? id : 0;
}

/* The id of a private chat with a person, which is the person's; 0 for any other. */
static int64_t read_chat(struct json_object *chat)
{
    const char *type = member_text(chat, "type");
    return type != NULL && strcmp(type, "private") == 0 ? member_id(chat, "id") : 0;
}

/* Who is at the other end. Says whether it is a person. */
static bool read_person(struct json_object *from, struct arena *arena, struct update *update)
{
    const char *first = member_text(from, "first_name");
    const char *last = member_text(from, "last_name");
    update->name = first != NULL ? first : "";
    if (last != NULL)
        update->name = arena_printf(arena, "%s%s%s", update->name, *update->name ? " " : "", last);
    update->username = member_text(from, "username");
    update->locale = member_text(from, "language_code");
    return member_id(from, "id") == update->chat_id &&
           !json_object_get_boolean(member(from, "is_bot"));
}

/* What we cannot pass on. Anything else without a text is a note of Telegram's (something was
 * pinned, say), which nobody wants an answer to. */
static bool is_media(struct json_object *message)
{
    static const char *const kinds[] = {
        "photo", "sticker",  "animation", "video", "video_note", "voice", "audio", "document",
        "story", "location", "venue",     "poll",  "contact",    "dice",  "game",  "paid_media"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (member(message, kinds[i]) != NULL)
            return true;
    return false;
}

static enum update_kind read_message(struct json_object *message, const char *bot,
                                     struct arena *arena, struct update *update)
{
    update->chat_id = read_chat(member_object(message, "chat"));
    update->message_id = member_id(message, "message_id");
    update->text = member_text(message, "text");
    update->reply_to = member_id(member_object(message, "reply_to_message"), "message_id");
    if (update->chat_id == 0 || update->message_id == 0 ||
        !read_person(member_object(message, "from"), arena, update))
        return UPDATE_NONE;
    if (update->text == NULL)
        return is_media(message) ? UPDATE_MEDIA : UPDATE_NONE;
    update->command = command_read(update->text, bot);
    if (update->command.kind != COMMAND_NONE)
        return UPDATE_COMMAND;
    return update->reply_to != 0 ? UPDATE_REPLY : UPDATE_TEXT;
}

/* A text of one's own; a place that moves, say, is edited without anybody's doing. */
static enum update_kind read_edit(struct json_object *message, const char *bot, struct arena *arena,
                                  struct update *update)
{
    enum update_kind kind = read_message(message, bot, arena, update);
    return kind == UPDATE_NONE || update->text == NULL ? UPDATE_NONE : UPDATE_EDIT;
}

static enum update_kind read_tap(struct json_object *query, struct arena *arena,
                                 struct update *update)
{
    struct json_object *from = member_object(query, "from");
    const char *data = member_text(query, "data");
    update->tap_id = member_text(query, "id");
    update->chat_id = member_id(from, "id"); /* a private chat has its person's id */
    if (update->tap_id == NULL || update->chat_id == 0 || !read_person(from, arena, update))
        return UPDATE_NONE;
    if (data != NULL &&
        read_chat(member_object(member_object(query, "message"), "chat")) == update->chat_id)
        update->button = button_read(data);
    return UPDATE_TAP;
}

/* The person blocked the bot, or lets it write again. */
static enum update_kind read_membership(struct json_object *change, struct arena *arena,
                                        struct update *update)
{
    const char *status = member_text(member_object(change, "new_chat_member"), "status");
    update->chat_id = read_chat(member_object(change, "chat"));
    if (status == NULL || update->chat_id == 0 ||
        !read_person(member_object(change, "from"), arena, update))
        return UPDATE_NONE;
    if (strcmp(status, "kicked") == 0)
        return UPDATE_BLOCKED;
    return strcmp(status, "member") == 0 ? UPDATE_UNBLOCKED : UPDATE_NONE;
}

int update_read(struct json_object *object, const char *bot, struct arena *arena,
                struct update *ret_update)
{
    struct update update = {.id = member_id(object, "update_id"), .command = {COMMAND_NONE, ""}};
    struct json_object *part;
    if (update.id == 0)
        return ERR_INVALID;
    if ((part = member_object(object, "message")) != NULL)
        update.kind = read_message(part, bot, arena, &update);
    else if ((part = member_object(object, "edited_message")) != NULL)
        update.kind = read_edit(part, bot, arena, &update);
    else if ((part = member_object(object, "callback_query")) != NULL)
        update.kind = read_tap(part, arena, &update);
    else if ((part = member_object(object, "my_chat_member")) != NULL)
        update.kind = read_membership(part, arena, &update);
    *ret_update = update;
    return 0;
}

bool update_body_fits(const char *text)
{
    size_t length = strlen(text);
    return !utf8_blank(text, length) && utf8_count(text, length) <= UPDATE_BODY_MAX;
}
