/* Answers of the Bot API: whatever a body says, what is read of it keeps to its types, and a
 * notification made of its words is one that Telegram takes. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/utf8.h"
#include "notifier/bot_error.h"
#include "notifier/bot_reply.h"
#include "notifier/compose.h"
#include "notifier/update.h"
#include "notifier/utf16.h"

static void check_notification(const struct update *update)
{
    const struct compose_sender sender = {update->name, update->text, 1 + update->id % 3};
    const struct compose_news news = {.locale = texts_locale(update->locale),
                                      .preview = COMPOSE_FULL,
                                      .ceiling = COMPOSE_FULL,
                                      .sender_count = 1,
                                      .senders = &sender};
    struct compose compose = {0};

    compose_write(&compose, &news, update->reply_to % 2 != 0);
    FUZZ_CHECK(compose.text.length > 0 && compose.text.length <= COMPOSE_BYTES_MAX);
    FUZZ_CHECK(utf16_units(compose.text.data, compose.text.length) <= COMPOSE_UNITS_MAX);
    FUZZ_CHECK(utf8_valid(compose.text.data, compose.text.length));
    compose_release(&compose);
}

static void check_update(struct json_object *object)
{
    struct arena arena;
    struct update update;
    int minutes;

    arena_init(&arena);
    if (update_read(object, "perch_bot", &arena, &update) == 0 && update.kind != UPDATE_NONE) {
        FUZZ_CHECK(update.chat_id > 0 || update.kind == UPDATE_TAP);
        FUZZ_CHECK(update.kind != UPDATE_TAP || update.tap_id != NULL);
        FUZZ_CHECK(update.kind != UPDATE_REPLY || update.reply_to > 0);
        FUZZ_CHECK(update.name == NULL || utf8_valid(update.name, strlen(update.name)));
        minutes = command_mute_minutes(update.command.argument);
        FUZZ_CHECK(minutes >= 0 && minutes <= COMMAND_MUTE_MAX);
        if (update.kind == UPDATE_TEXT || update.kind == UPDATE_REPLY) {
            FUZZ_CHECK(update.text != NULL && utf8_valid(update.text, strlen(update.text)));
            check_notification(&update);
        }
    }
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bot_reply reply = {0};
    char *body = fuzz_text(data, size);

    bot_reply_read(&reply, 200, body, size);
    FUZZ_CHECK(reply.description != NULL);
    FUZZ_CHECK(reply.retry_after_s >= 0 && reply.retry_after_s <= BOT_REPLY_WAIT_MAX_S);
    FUZZ_CHECK(bot_error_classify(&reply) == BOT_OK || !reply.ok);
    if (json_object_is_type(reply.result, json_type_array))
        for (size_t i = 0; i < json_object_array_length(reply.result); i++)
            check_update(json_object_array_get_idx(reply.result, i));
    bot_reply_release(&reply);
    free(body);
    return 0;
}
