#include "render.h"

#include <inttypes.h>
#include <time.h>

void render_id(struct buf *buf, int64_t id)
{
    if (id == 0)
        buf_adds(buf, "null");
    else
        buf_addi(buf, id);
}

void render_user_head(struct buf *buf, const struct store_user *user)
{
    buf_adds(buf, "{\"id\":");
    buf_addi(buf, user->id);
    buf_adds(buf, ",\"username\":");
    buf_add_json(buf, user->username);
    buf_adds(buf, ",\"display_name\":");
    buf_add_json(buf, user->display_name ? user->display_name : user->username);
    buf_adds(buf, ",\"online\":");
}

void render_user_tail(struct buf *buf, const struct store_user *user)
{
    buf_adds(buf, ",\"last_seen_at\":");
    buf_add_json(buf, user->last_seen_at);
    buf_adds(buf, ",\"created_at\":");
    buf_add_json(buf, user->created_at);
    buf_addf(buf, ",\"deleted\":%s}", user->deleted ? "true" : "false");
}

void render_user(struct buf *buf, const struct store_user *user)
{
    render_user_head(buf, user);
    buf_adds(buf, user->online ? "true" : "false");
    render_user_tail(buf, user);
}

void render_me(struct buf *buf, const struct store_user *user,
               const struct store_settings *settings)
{
    buf_adds(buf, "{\"user\":");
    render_user(buf, user);
    buf_adds(buf, ",\"settings\":{\"locale\":");
    buf_add_json(buf, settings->locale);
    buf_adds(buf, ",\"time_zone\":");
    buf_add_json(buf, settings->time_zone);
    buf_adds(buf, ",\"notify\":{\"preview\":");
    buf_add_json(buf, settings->preview);
    buf_adds(buf, ",\"quiet_from\":");
    buf_add_json(buf, settings->quiet_from);
    buf_adds(buf, ",\"quiet_to\":");
    buf_add_json(buf, settings->quiet_to);
    buf_addf(buf, ",\"delay_s\":%d},\"telegram\":", settings->delay_s);
    buf_add_json(buf, settings->telegram);
    buf_adds(buf, "}}");
}

void render_user_event(struct buf *buf, const struct store_user *user)
{
    buf_adds(buf, "{\"type\":\"user\",\"user\":");
    render_user(buf, user);
    buf_adds(buf, "}");
}

void render_presence_event(struct buf *buf, int64_t user_id, char state, int64_t seen_ms)
{
    const time_t seconds = (time_t)(seen_ms / 1000);
    struct tm seen = {0};
    char text[32];
    gmtime_r(&seconds, &seen);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &seen);
    buf_addf(buf, "{\"type\":\"presence\",\"id\":%" PRId64 ",\"online\":%s,\"active\":%s,", user_id,
             state == '0' ? "false" : "true", state == 'a' ? "true" : "false");
    buf_addf(buf, "\"last_seen_at\":\"%s.%03dZ\"}", text, (int)(seen_ms % 1000));
}

void render_problem(struct buf *buf, const struct err_info *info)
{
    buf_addf(buf,
             "{\"type\":\"about:blank\",\"status\":%d,\"code\":\"%s\",\"title\":", info->status,
             info->code);
    buf_add_json(buf, info->title);
}

void render_poll_head(struct buf *buf, const char *from, const char *cursor, bool more,
                      int after_ms, bool superseded)
{
    buf_addf(buf, "{\"from\":\"%s\",\"cursor\":\"%s\",\"more\":%s,\"after_ms\":%d,%s\"events\":[",
             from, cursor, more ? "true" : "false", after_ms,
             superseded ? "\"superseded\":true," : "");
}
