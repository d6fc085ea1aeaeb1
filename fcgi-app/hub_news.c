/* News of who came and went, for those who wait here.
 *
 * They ride along with whatever reply goes out. Those worth it also wake the user's polls, at most
 * every NEWS_WAKE_MS; until then the latest word about each person stands. Kept until somebody got
 * them; who misses something asks for everybody's presence sooner or later. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "hub_state.h"
#include "render.h"
#include "stream.h"

enum { NEWS_WAKE_MS = 10000, NEWS_MAX = 32 };

struct item {
    int64_t user_id; /* about whom */
    int64_t seen_ms;
    char state;
};

/* Only for users with something to be told, or whose last wake was less than NEWS_WAKE_MS ago. In
 * hub->news new ones stand at the head and who was woken last at the tail. */
struct hub_news {
    TAILQ_ENTRY(hub_news) of_hub;
    struct hub_user *user;
    int64_t woken_at; /* monotonic */
    bool urgent;
    bool given; /* a reply has taken all of it */
    int count;
    struct item *items; /* oldest first, one per person */
};

static bool may_wake(const struct hub_news *news, int64_t now)
{
    return now - news->woken_at >= NEWS_WAKE_MS;
}

static bool is_due(const struct hub_news *news, int64_t now)
{
    return news->urgent && may_wake(news, now);
}

static struct hub_news *news_of(struct hub *hub, struct hub_user *user)
{
    struct hub_news *news = user->news;
    if (news != NULL)
        return news;
    news = memory_new(sizeof *news);
    news->user = user;
    news->woken_at = clock_mono_ms() - NEWS_WAKE_MS;
    user->news = news;
    TAILQ_INSERT_HEAD(&hub->news, news, of_hub);
    return news;
}

/* Makes the person's item the newest. */
static struct item *item_of(struct hub_news *news, int64_t user_id)
{
    int at = 0;
    while (at < news->count && news->items[at].user_id != user_id)
        at++;
    if (at == NEWS_MAX) {
        at = 0;
    } else if (at == news->count) {
        news->items = realloc(news->items, (size_t)(news->count + 1) * sizeof *news->items);
        if (news->items == NULL)
            memory_out("news");
        news->count++;
    }
    memmove(&news->items[at], &news->items[at + 1],
            (size_t)(news->count - at - 1) * sizeof *news->items);
    return &news->items[news->count - 1];
}

static void forget(struct hub_news *news)
{
    free(news->items);
    news->items = NULL;
    news->count = 0;
    news->urgent = false;
    news->given = false;
}

static void wake(struct hub *hub, struct hub_news *news, int64_t now)
{
    news->woken_at = now;
    TAILQ_REMOVE(&hub->news, news, of_hub);
    TAILQ_INSERT_TAIL(&hub->news, news, of_hub);
    hub_user_tell(hub, news->user);
}

void hub_news_add(struct hub *hub, struct hub_user *user, const struct wake *about)
{
    struct hub_news *news = news_of(hub, user);
    struct waiter *waiter;
    *item_of(news, about->presence.user_id) = (struct item){
        .user_id = about->presence.user_id,
        .seen_ms = about->presence.seen_ms,
        .state = about->presence.state,
    };
    TAILQ_FOREACH (waiter, &user->waiters, of_user)
        waiter->owed = true;
    news->given = false;
    news->urgent |= about->presence.urgent;
    hub_news_tell(hub, user);
}

void hub_news_tell(struct hub *hub, struct hub_user *user)
{
    int64_t now = clock_mono_ms();
    if (user->news != NULL && user->waiter_count > 0 && is_due(user->news, now))
        wake(hub, user->news, now);
}

void hub_news_render(struct buf *reply, const struct hub_user *user, bool first)
{
    struct hub_news *news = user->news;
    if (news == NULL)
        return;
    for (int i = 0; i < news->count; i++) {
        if (i > 0 || !first)
            buf_adds(reply, ",");
        render_presence_event(reply, news->items[i].user_id, news->items[i].state,
                              news->items[i].seen_ms);
    }
    news->given = news->count > 0;
}

void hub_news_stream(struct buf *reply, const struct hub_user *user)
{
    struct hub_news *news = user->news;
    struct buf event = {0};
    for (int i = 0; news != NULL && i < news->count; i++) {
        buf_clear(&event);
        render_presence_event(&event, news->items[i].user_id, news->items[i].state,
                              news->items[i].seen_ms);
        stream_add_event(reply, NULL, event.data);
        news->given = true;
    }
    buf_release(&event);
}

void hub_news_settle(struct hub_user *user)
{
    struct waiter *waiter;
    if (user->news == NULL || !user->news->given)
        return;
    TAILQ_FOREACH (waiter, &user->waiters, of_user)
        if (waiter->owed)
            return;
    forget(user->news);
}

void hub_news_sweep(struct hub *hub)
{
    struct hub_news *news;
    struct hub_news *next;
    int64_t now = clock_mono_ms();
    for (news = TAILQ_FIRST(&hub->news); news != NULL && may_wake(news, now); news = next) {
        next = TAILQ_NEXT(news, of_hub);
        if (news->count == 0)
            hub_news_free(hub, news->user);
        else if (news->user->waiter_count > 0 && is_due(news, now))
            wake(hub, news, now);
    }
}

void hub_news_free(struct hub *hub, struct hub_user *user)
{
    if (user->news == NULL)
        return;
    TAILQ_REMOVE(&hub->news, user->news, of_hub);
    forget(user->news);
    free(user->news);
    user->news = NULL;
}
