/* Files with secrets in them: keys, passwords, tokens. */
#ifndef PERCH_SECRET_FILE_H
#define PERCH_SECRET_FILE_H

#include <stddef.h>

/* The whole file, NUL-terminated, at most `size` - 2 bytes of it. `what` ("key file") begins the
 * log line. ERR_CONFIG, logged with what to mend but nothing of the contents, when it is missing,
 * no regular file, open to others than owner and group, larger, or holds a NUL. Whoever calls wipes
 * `text`, after a failure, too. */
int secret_file_read(const char *what, const char *path, char *text, size_t size)
    __attribute__((warn_unused_result));

#endif
