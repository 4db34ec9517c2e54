/* SPDX-License-Identifier: MIT */
#include "tests/support/http_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

enum { TIMEOUT_MS = 20000 };

struct buffer {
    char *text;
    size_t len;
};

struct http_client {
    CURL *curl;
    uint16_t port;
    struct buffer body;
    struct buffer headers;
    char error[CURL_ERROR_SIZE];
    struct http_response response;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
}

static size_t append(char *data, size_t size, size_t count, void *arg)
{
    struct buffer *buffer = arg;
    char *text = realloc(buffer->text, buffer->len + size * count + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text + buffer->len, data, size * count);
    buffer->text = text;
    buffer->len += size * count;
    text[buffer->len] = '\0';
    return size * count;
}

struct http_client *http_client_create(uint16_t port, const char *id, const char *secret)
{
    pthread_once(&curl_once, init_curl);
    struct http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    client->port = port;
    client->curl = curl_easy_init();
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(client->curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, client->error);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &client->body);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, &client->headers);
    if (id != NULL) {
        curl_easy_setopt(client->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(client->curl, CURLOPT_USERNAME, id);
        curl_easy_setopt(client->curl, CURLOPT_PASSWORD, secret);
    }
    return client;
}

void http_client_set_patience(struct http_client *client, uint32_t limit_ms)
{
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)limit_ms);
}

void http_client_destroy(struct http_client *client)
{
    if (client != NULL) {
        curl_easy_cleanup(client->curl);
        free(client->body.text);
        free(client->headers.text);
        free(client);
    }
}

static struct curl_slist *make_headers(const char *const headers[], bool has_body)
{
    /* Without the Expect header the body goes out at once, as other clients send it. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool has_type = false;
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        list = curl_slist_append(list, headers[i]);
        has_type = has_type || strncasecmp(headers[i], "Content-Type:", 13) == 0;
    }
    if (has_body && !has_type) {
        list = curl_slist_append(list, "Content-Type: application/json");
    }
    return list;
}

/* The method and the body stay set on a curl handle, so all of it is set anew each time. */
static void set_request(CURL *curl, const char *method, const char *body, size_t body_len)
{
    bool head = strcmp(method, "HEAD") == 0;
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(curl, CURLOPT_NOBODY, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (head) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_len);
    }
    if (!head) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
}

const struct http_response *http_call(struct http_client *client, const char *method,
                                      const char *path, const char *const headers[],
                                      const char *body, size_t body_len)
{
    char url[2048];
    client->body.len = 0;
    client->headers.len = 0;
    client->error[0] = '\0';
    append(&(char){'\0'}, 1, 0, &client->body);
    append(&(char){'\0'}, 1, 0, &client->headers);
    struct curl_slist *list = make_headers(headers, body != NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", (unsigned)client->port, path);
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, list);
    set_request(client->curl, method, body, body_len);
    CURLcode code = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(list);
    long status = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    client->response = (struct http_response){
        .status = code == CURLE_OK ? status : 0,
        .error = client->error[0] != '\0' ? client->error : curl_easy_strerror(code),
        .body = client->body.text,
        .headers = client->headers.text,
        .body_len = client->body.len,
    };
    return &client->response;
}

const struct http_response *http_get(struct http_client *client, const char *path)
{
    return http_call(client, "GET", path, NULL, NULL, 0);
}

const struct http_response *http_post_order(struct http_client *client, const char *body)
{
    return http_call(client, "POST", "/order", NULL, body, strlen(body));
}

bool http_header(const struct http_response *response, const char *name, char *value, size_t size)
{
    size_t name_len = strlen(name);
    value[0] = '\0';
    for (const char *line = response->headers; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':') {
            continue;
        }
        const char *start = line + name_len + 1;
        start += strspn(start, " \t");
        size_t len = strcspn(start, "\r\n");
        if (len >= size) {
            return false;
        }
        memcpy(value, start, len);
        value[len] = '\0';
        return true;
    }
    return false;
}
