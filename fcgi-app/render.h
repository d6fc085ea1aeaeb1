/* JSON that several replies share. */
#ifndef PERCH_RENDER_H
#define PERCH_RENDER_H

#include "common/buf.h"
#include "common/cursor.h"
#include "common/err.h"
#include "common/store_message.h"
#include "common/store_user.h"

/* A user; or the text before the value of "online", and the text behind it. */
void render_user(struct buf *buf, const struct store_user *user);
void render_user_head(struct buf *buf, const struct store_user *user);
void render_user_tail(struct buf *buf, const struct store_user *user);

/* {"user":…,"settings":…} */
void render_me(struct buf *buf, const struct store_user *user,
               const struct store_settings *settings);

/* An event that is not in the log: somebody was renamed or deleted. */
void render_user_event(struct buf *buf, const struct store_user *user);

/* The same for who is there: `state` is the 0, i or a of a wake-up (wake.h). */
void render_presence_event(struct buf *buf, int64_t user_id, char state, int64_t seen_ms);

/* An id, or null for 0. */
void render_id(struct buf *buf, int64_t id);

/* The members every problem document has, without the closing brace. */
void render_problem(struct buf *buf, const struct err_info *info);

/* The reply of a poll, up to the events. */
void render_poll_head(struct buf *buf, const char *from, const char *cursor, bool more,
                      int after_ms, bool superseded);

#endif
