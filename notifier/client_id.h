/* The client_id under which a message from Telegram is posted: the same for the same message, so
 * that an update that comes again posts nothing. (Ids of updates begin anew after a quiet week and
 * will not do.) A UUID of version 8 (RFC 9562), made of the beginning of a SHA-256. */
#ifndef PERCH_CLIENT_ID_H
#define PERCH_CLIENT_ID_H

#include <stdint.h>

enum { CLIENT_ID_MAX = 37 };

void client_id_derive(int64_t bot_id, int64_t chat_id, int64_t message_id,
                      char ret_id[CLIENT_ID_MAX]);

#endif
