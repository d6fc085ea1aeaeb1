#include "menu.h"

#include <event2/event.h>
#include <stdlib.h>

#include "bot_api.h"
#include "bot_error.h"
#include "command.h"
#include "common/log.h"
#include "common/memory.h"
#include "notifier.h"

struct menu {
    struct notifier *notifier;
    struct event *timer; /* of the next attempt */
    struct bot_call *call;
    int locale; /* the next one; TEXTS_LOCALES: all are told */
    int failures;
};

static void tell(evutil_socket_t fd, short what, void *argument);

static void on_told(void *argument, const struct bot_reply *reply)
{
    struct menu *menu = argument;
    enum bot_verdict verdict = bot_error_classify(reply);
    enum bot_verdict like = verdict == BOT_UNKNOWN ? BOT_RETRY : verdict; /* again is as good */
    int64_t delay = bot_error_delay_ms(like, reply, menu->failures++, notifier_random());
    menu->call = NULL;
    if (verdict == BOT_TOKEN_BAD)
        notifier_token_bad(menu->notifier);
    if (delay > 0) {
        const struct timeval wait = {.tv_sec = delay / 1000, .tv_usec = delay % 1000 * 1000};
        evtimer_add(menu->timer, &wait);
        return;
    }
    if (verdict != BOT_OK)
        log_warn("setMyCommands: %s", reply->description);
    menu->failures = 0;
    menu->locale++;
    tell(-1, 0, menu);
}

static void tell(evutil_socket_t fd, short what, void *argument)
{
    struct menu *menu = argument;
    struct buf body = {0};
    (void)fd;
    (void)what;
    if (menu->locale == TEXTS_LOCALES)
        return;
    command_add_menu(&body, (enum texts_locale)menu->locale);
    menu->call = bot_api_call(menu->notifier->api, "setMyCommands", body.data, BOT_API_SEND_MS,
                              on_told, menu);
    buf_release(&body);
}

struct menu *menu_new(struct notifier *notifier)
{
    struct menu *menu = memory_new(sizeof *menu);
    menu->notifier = notifier;
    menu->timer = evtimer_new(notifier->base, tell, menu);
    tell(-1, 0, menu);
    return menu;
}

void menu_free(struct menu *menu)
{
    if (menu == NULL)
        return;
    if (menu->call != NULL)
        bot_call_cancel(menu->call);
    event_free(menu->timer);
    free(menu);
}
