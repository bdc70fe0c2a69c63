/* commonpass.c - under a rule of twelve letters and four classes people take a common
 * word and put "2024!" behind it. So the list holds the words, and what is tried is
 * looked at without its trimmings: 702 of the million most common ones pass the rule, and
 * nearly all of them are such a word. */
#include "proof/commonpass.h"

/* Without digits and marks at their ends. */
static const char *const words[] = {
    "abc", "abcd", "abcdef", "abcdefg", "abcdefgh", "access", "account", "admin",
    "administrator", "america", "andrew", "angel", "anthony", "apple", "asd", "asdf",
    "asdfgh", "asdfghjkl", "ashley", "autumn", "azerty", "babygirl", "bailey", "banana",
    "baseball", "basketball", "batman", "blink", "buster", "changeit", "changeme",
    "charlie", "cheese", "chelsea", "chocolate", "company", "computer", "cookie",
    "daniel", "default", "diamond", "donald", "dragon", "eagles", "eminem", "facebook",
    "family", "flower", "football", "freedom", "fuckyou", "ginger", "google", "guest",
    "hannah", "harley", "hello", "helloworld", "hockey", "hunter", "iloveyou", "internet",
    "jennifer", "jessica", "jesus", "jordan", "joshua", "justin", "killer", "letmein",
    "liverpool", "login", "london", "love", "lovely", "loveme", "maggie", "manager",
    "master", "matrix", "matthew", "michael", "michelle", "monkey", "mother", "mustang",
    "mypassword", "naruto", "newpassword", "nicole", "ninja", "office", "orange", "pass",
    "passpass", "passw", "password", "passwordpassword", "passwort", "patrick", "pepper",
    "pokemon", "princess", "purple", "qazwsx", "qazwsxedc", "qwe", "qweasd", "qweasdzxc",
    "qwer", "qwert", "qwerty", "qwertyui", "qwertyuiop", "qwertz", "ranger", "robert",
    "root", "samantha", "samsung", "secret", "server", "service", "shadow", "silver",
    "soccer", "spring", "starwars", "summer", "sunshine", "superman", "superstar",
    "support", "system", "taylor", "test", "tester", "testing", "testtest",
    "thomas", "tigger", "trustno", "user", "welcome", "welcomeback", "whatever",
    "william", "winter", "yankees", "yellow", "zaq", "zaqwsx", "zxc", "zxcvbn", "zxcvbnm",
};

static bool listed(Str s)
{
    for (isize i = 0; i < countof(words); i++)
        if (str_is(s, str_of(words[i])))
            return true;
    return false;
}

static char letter_for(char c)
{
    switch (c) {
    case '@': case '4': return 'a';
    case '3': return 'e';
    case '1': case '!': return 'i';
    case '0': return 'o';
    case '$': case '5': return 's';
    case '7': return 't';
    default:  return c;
    }
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (u8)c >= 0x80; }

/* Without what is no letter at either end. */
static Str core(Str s)
{
    while (s.len > 0 && !is_letter(s.at[0]))
        s = str_sub(s, 1, s.len);
    while (s.len > 0 && !is_letter(s.at[s.len - 1]))
        s.len--;
    return s;
}

/* The trimmings go first, then digits inside become letters: "p@ssw0rd" of
 * "P@ssw0rd2024!". */
bool commonpass_is(Arena *mem, Str password)
{
    Str bare = core(str_lower(mem, password));
    char *plain = make(mem, char, bare.len + 1);

    for (isize i = 0; i < bare.len; i++)
        plain[i] = letter_for(bare.at[i]);
    return bare.len == 0 || listed(bare) || listed((Str){ plain, bare.len });
}
