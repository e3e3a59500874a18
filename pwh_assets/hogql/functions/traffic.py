"""What tells robots and channels apart: signs in user agents, and names of sources and media."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bot:
    """A robot by a sign in its user agent."""

    sign: str
    name: str
    operator: str
    category: str
    traffic: str


def _bots(category: str, traffic: str, *signs: str) -> tuple[Bot, ...]:
    found = []
    for text in signs:
        sign, name, operator = text.split("|")
        found.append(Bot(sign, name, operator, category, traffic))
    return tuple(found)


BOTS: tuple[Bot, ...] = (
    *_bots(
        "ai_assistant", "AI Agent", "ChatGPT-User|ChatGPT|OpenAI", "Claude-User|Claude User|Anthropic",
        "Perplexity-User|Perplexity User|Perplexity", "MistralAI-User|Mistral AI|Mistral", "DuckAssistBot|DuckDuckGo AI|DuckDuckGo",
        "meta-externalfetcher|Meta Fetcher|Meta", "Google-NotebookLM|NotebookLM|Google",
    ),
    *_bots(
        "ai_search", "AI Agent", "OAI-SearchBot|OpenAI Search|OpenAI", "Claude-SearchBot|Claude Search|Anthropic",
        "PerplexityBot|Perplexity|Perplexity", "Applebot|Applebot|Apple",
    ),
    *_bots(
        "ai_crawler", "AI Agent", "GPTBot|GPTBot|OpenAI", "ClaudeBot|Claude|Anthropic", "anthropic-ai|Anthropic|Anthropic",
        "Google-Extended|Google AI|Google", "GoogleOther|GoogleOther|Google", "CCBot|Common Crawl|Common Crawl",
        "meta-externalagent|Meta AI|Meta", "Bytespider|ByteDance|ByteDance", "cohere-ai|Cohere|Cohere", "Diffbot|Diffbot|Diffbot",
        "Amazonbot|Amazon|Amazon", "PetalBot|Petal|Huawei",
    ),
    *_bots(
        "search_crawler", "Bot", "AdsBot-Google|Google Ads|Google", "Googlebot|Googlebot|Google", "[bB]ingbot|Bingbot|Microsoft",
        "YandexBot|Yandex|Yandex", "Baiduspider|Baidu|Baidu", "DuckDuckBot|DuckDuckGo|DuckDuckGo", "Slurp|Yahoo|Yahoo",
        "Qwantbot|Qwant|Qwant", "Sogou web spider|Sogou|Sogou",
    ),
    *_bots(
        "seo_crawler", "Bot", "AhrefsBot|Ahrefs|Ahrefs", "SemrushBot|Semrush|Semrush", "MJ12bot|Majestic|Majestic", "DotBot|Moz|Moz",
        "Lighthouse|Lighthouse|Google", "Screaming Frog|Screaming Frog|Screaming Frog",
    ),
    *_bots(
        "social_crawler", "Bot", "facebookexternalhit|Facebook|Meta", "Twitterbot|Twitter|X", "LinkedInBot|LinkedIn|LinkedIn",
        "Pinterestbot|Pinterest|Pinterest", "Slackbot|Slack|Salesforce", "TelegramBot|Telegram|Telegram", "Discordbot|Discord|Discord",
    ),
    *_bots(
        "monitoring", "Bot", "Pingdom|Pingdom|SolarWinds", "UptimeRobot|UptimeRobot|UptimeRobot", "StatusCake|StatusCake|StatusCake",
        "Site24x7|Site24x7|Zoho", "Datadog|Datadog|Datadog",
    ),
    *_bots(
        "headless_browser", "Automation", "HeadlessChrome|Headless Chrome|Google", "PhantomJS|PhantomJS|", "Playwright|Playwright|Microsoft",
        "Selenium|Selenium|",
    ),
    *_bots(
        "http_client", "Automation", "curl/|curl|", "[wW]get/|Wget|", "python-requests|Python Requests|", "aiohttp|aiohttp|", "[hH]ttpx|HTTPX|",
        "axios/|axios|", "node-fetch|node-fetch|", "Go-http-client|Go HTTP client|", "okhttp|OkHttp|", "Java/|Java|", "PostmanRuntime|Postman|Postman",
    ),
    *_bots("other_bot", "Bot", "[bB]ot[/;) ]|Other bot|", "[cC]rawler|Other crawler|", "[sS]pider|Other spider|"),
)  # fmt: skip
"""Checked in this order; the first sign found names the robot."""

SOURCES: dict[str, tuple[str, ...]] = {
    "Search": (
        "google", "google.com", "bing", "bing.com", "duckduckgo", "duckduckgo.com", "yahoo", "yahoo.com", "search.yahoo.com",
        "baidu", "baidu.com", "yandex", "yandex.ru", "yandex.com", "ecosia.org", "qwant.com", "startpage.com", "search.brave.com",
        "naver", "naver.com", "kagi.com", "googleads", "adwords",
    ),
    "Social": (
        "facebook", "facebook.com", "fb", "m.facebook.com", "l.facebook.com", "lm.facebook.com", "instagram", "instagram.com",
        "l.instagram.com", "ig", "twitter", "twitter.com", "t.co", "x", "x.com", "linkedin", "linkedin.com", "lnkd.in", "pinterest",
        "pinterest.com", "reddit", "reddit.com", "old.reddit.com", "tiktok", "tiktok.com", "snapchat", "snapchat.com", "threads.net",
        "bsky.app", "mastodon.social", "vk.com", "whatsapp", "whatsapp.com", "telegram", "t.me", "quora.com", "news.ycombinator.com",
        "tumblr.com", "discord", "discord.com", "medium.com", "producthunt.com",
    ),
    "Video": ("youtube", "youtube.com", "m.youtube.com", "youtu.be", "vimeo", "vimeo.com", "dailymotion.com", "twitch", "twitch.tv"),
    "Shopping": (
        "amazon", "amazon.com", "ebay", "ebay.com", "etsy", "etsy.com", "walmart.com", "aliexpress.com", "alibaba.com",
        "shopping.google.com", "shopify", "shop.app",
    ),
    "Email": ("mail.google.com", "outlook.live.com", "mail.yahoo.com", "newsletter", "email", "e-mail", "mailchimp", "klaviyo", "sendgrid"),
    "Push": ("push", "onesignal", "braze"),
    "SMS": ("sms", "twilio"),
}  # fmt: skip
"""Names of sources and domains by their kind."""

PAID_MEDIA: dict[str, tuple[str, ...]] = {
    "Paid Search": ("cpc", "ppc", "paidsearch", "sem"),
    "Paid Social": ("paidsocial", "paid_social", "paid-social", "social_paid"),
    "Paid Video": ("paidvideo", "cpv"),
    "Paid Shopping": ("paidshopping",),
    "Display": ("display", "banner", "interstitial", "cpm", "expandable"),
    "Affiliate": ("affiliate", "partner", "referral_paid"),
}
ORGANIC_MEDIA: dict[str, tuple[str, ...]] = {
    "Organic Social": ("social", "social-network", "social-media", "sm"),
    "Organic Search": ("organic", "search"),
    "Organic Video": ("video",),
    "Email": ("email", "e-mail", "newsletter"),
    "Referral": ("referral", "link", "app"),
    "Affiliate": ("affiliate",),
    "Audio": ("audio", "podcast"),
    "SMS": ("sms",),
    "Push": ("push", "mobile", "notification"),
}
