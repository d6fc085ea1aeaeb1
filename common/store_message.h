/* Messages: send, change, read back, search. */
#ifndef PERCH_STORE_MESSAGE_H
#define PERCH_STORE_MESSAGE_H

#include "store.h"

struct store_message {
    int64_t id;
    const char *json;
};

struct store_message_page {
    int count;
    struct store_message *messages; /* newest first, except of history_newer */
    /* Of store_message_history() alone. */
    const char
        *version; /* of the dialog's messages: changes with every one sent, edited or deleted */
    bool known;   /* the caller knows this version, and there are no messages here */
};

/* ret_change->result is the message. `client_id` may be NULL; the same one again is a repeat of the
 * stored message. ERR_NOT_FOUND: no such peer; ERR_PEER_DELETED; ERR_CLIENT_ID_USED: in another
 * dialog; ERR_UNAUTHORIZED: the sender's account is gone. */
int store_message_send(struct pg *pg, struct arena *arena, int64_t sender_id, int64_t peer_id,
                       const char *client_id, const char *body, struct store_change *ret_change)
    __attribute__((warn_unused_result));

/* ERR_NOT_FOUND: none, or not in a dialog of this user; ERR_NOT_AUTHOR; ERR_MESSAGE_DELETED (edit
 * only). */
int store_message_edit(struct pg *pg, struct arena *arena, int64_t user_id, int64_t message_id,
                       const char *body, struct store_change *ret_change)
    __attribute__((warn_unused_result));
int store_message_delete(struct pg *pg, struct arena *arena, int64_t user_id, int64_t message_id,
                         struct store_change *ret_change) __attribute__((warn_unused_result));

/* Messages of one dialog with ids below `before` (STORE_ID_MAX: the newest); `known` is a version
 * for which they are not needed, or "". ERR_NOT_FOUND: no such peer. */
int store_message_history(struct pg *pg, struct arena *arena, int64_t user_id, int64_t peer_id,
                          int64_t before, int limit, const char *known,
                          struct store_message_page *ret_page) __attribute__((warn_unused_result));

/* The other way: those with ids above `after`, oldest first. ERR_NOT_FOUND: no such peer. */
int store_message_history_newer(struct pg *pg, struct arena *arena, int64_t user_id,
                                int64_t peer_id, int64_t after, int limit,
                                struct store_message_page *ret_page)
    __attribute__((warn_unused_result));

/* Full text over the user's own dialogs, or with peer_id > 0 over one. */
int store_message_search(struct pg *pg, struct arena *arena, int64_t user_id, const char *text,
                         int64_t peer_id, int64_t before, int limit,
                         struct store_message_page *ret_page) __attribute__((warn_unused_result));

#endif
