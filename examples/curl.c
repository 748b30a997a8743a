/* SPDX-License-Identifier: MIT */
/* libcurl fetches pages, many at once, and for each task that is a plain call with a time limit.
 *
 *     curl SECONDS URL...
 *
 * libcurl says which sockets it wants to hear of, and when it wants to be called again. A task
 * watches each of these sockets, and a callback is the timer. Who fetches waits for a future. */
#define _POSIX_C_SOURCE 200809L
#include <coro.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- libcurl in a loop ------------------------------------------------------------------------ */
struct client {
    CURLM *multi;
    coro_handle timer;
};

struct watch {
    struct client *client;
    coro_task *task;
    curl_socket_t socket;
    int fd; /* a copy of the socket: libcurl may close its own while the task waits */
    short events;
};

/* Has libcurl do what it can now, and tells those whose transfers have ended. */
static void act(struct client *client, curl_socket_t socket, int what)
{
    int count;
    const CURLMsg *message;
    curl_multi_socket_action(client->multi, socket, what, &count);
    while ((message = curl_multi_info_read(client->multi, &count))) {
        void *done = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&done);
        coro_set_result(done, (int)message->data.result, NULL);
    }
}

static void time_is_up(void *client)
{
    act(client, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl wants to be called in so many milliseconds; below 0, not any more. */
static int on_timer(CURLM *multi, long milliseconds, void *arg)
{
    (void)multi;
    struct client *client = arg;
    coro_handle_cancel(&client->timer);
    if (milliseconds < 0)
        return 0;
    return coro_call_later(milliseconds * CORO_MILLISECOND, time_is_up, client, &client->timer);
}

/* Errors and hang-ups are for libcurl to find, when it reads or writes. */
static int watch_socket(void *arg)
{
    const struct watch *w = arg;
    int events = 0;
    while (!coro_cancelling(coro_current_task()) && (events = coro_poll(w->fd, w->events)) > 0)
        act(w->client, w->socket,
            (events & ~POLLOUT ? CURL_CSELECT_IN : 0) | (events & ~POLLIN ? CURL_CSELECT_OUT : 0));
    return events < 0 ? events : -ECANCELED;
}

static void end_watch(struct watch *w)
{
    coro_cancel(w->task);
    coro_release(w->task);
    coro_close(w->fd);
    free(w);
}

/* libcurl wants to hear of these events of a socket from now on. The task gets a copy of the watch,
 * which it may outlive. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *client, void *watch)
{
    const coro_task_options options = {.arg_size = sizeof(struct watch)};
    (void)easy;
    if (watch)
        end_watch(watch);
    struct watch *w = what == CURL_POLL_REMOVE ? NULL : calloc(1, sizeof *w);
    curl_multi_assign(((struct client *)client)->multi, socket, w);
    if (!w)
        return what == CURL_POLL_REMOVE ? 0 : -1;
    w->client = client;
    w->socket = socket;
    w->events = (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    w->fd = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    w->task = coro_create_task_with(&options, watch_socket, w);
    return w->fd < 0 || !w->task ? -1 : 0;
}

/* Without memory multi is NULL, which nothing can be added to. */
static void open_client(struct client *client)
{
    *client = (struct client){.multi = curl_multi_init()};
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 64L);
}

/* --- What tasks call -------------------------------------------------------------------------- */
struct page {
    char *text;
    size_t size;
    long status;
};

static size_t on_data(char *data, size_t one, size_t n, void *arg)
{
    struct page *page = arg;
    char *text = realloc(page->text, page->size + one * n);
    if (!text)
        return 0; /* an error to libcurl */
    page->text = text;
    memcpy(text + page->size, data, one * n);
    page->size += one * n;
    return one * n;
}

/* The text is the caller's to free, whatever the result. A cancel ends the transfer. */
static int fetch(struct client *client, const char *url, struct page *page)
{
    CURL *easy = curl_easy_init();
    coro_future *done = coro_create_future();
    int rc = -ENOMEM;
    if (easy && done) {
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, done);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, page);
        if (curl_multi_add_handle(client->multi, easy) == CURLM_OK)
            rc = coro_await(done, NULL);
        curl_multi_remove_handle(client->multi, easy);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &page->status);
    }
    curl_easy_cleanup(easy);
    coro_release(done);
    return rc > 0 ? coro_fail(-EIO, "%s", curl_easy_strerror((CURLcode)rc)) : rc;
}

/* --- The program ------------------------------------------------------------------------------ */
struct download {
    struct client *client;
    const char *url;
    coro_duration limit;
};

static int download(void *arg)
{
    const struct download *d = arg;
    struct page page = {0};
    coro_timeout scope;
    coro_timeout_begin(&scope, d->limit);
    const int rc = coro_timeout_end(&scope, fetch(d->client, d->url, &page));
    const char *error = coro_error_message(coro_current_task());
    if (rc == 0)
        printf("%s: status %ld, %zu bytes\n", d->url, page.status, page.size);
    else
        printf("%s: %s\n", d->url, error ? error : strerror(-rc));
    free(page.text);
    return rc == -ECANCELED ? rc : 0;
}

static int curl_main(void *arg)
{
    char **argument = arg;
    struct client client;
    struct download d = {&client, NULL, (coro_duration)(atof(argument[1]) * CORO_SECOND)};
    const coro_task_options options = {.arg_size = sizeof d};
    coro_group group;
    open_client(&client);
    int rc = coro_group_begin(&group);
    for (argument += 2; rc == 0 && (d.url = *argument); argument++)
        rc = coro_group_create_task_with(&group, &options, download, &d, NULL);
    rc = coro_group_end(&group, rc);
    curl_multi_cleanup(client.multi);
    coro_handle_cancel(&client.timer);
    return rc;
}

int main(int argc, char **argv)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const int rc = argc > 2 ? coro_run(curl_main, argv) : -EINVAL;
    curl_global_cleanup();
    if (rc < 0)
        fprintf(stderr, "curl: %s\n", strerror(-rc));
    return rc < 0;
}
