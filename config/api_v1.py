"""Every path of the old service, one line each. Frozen: old clients call these unchanged."""

from django.urls import path

from accounts.api.v1 import users
from config import legacy_pages as pages
from health.api.v1 import checkins, metrics, questions
from insights.api.v1 import analytics, insights

urlpatterns = [
    path("analytics/events", analytics.AnalyticsEvents.as_view()),
    path("auth/login", users.LogIn.as_view()),
    path("auth/logout", users.LogOut.as_view()),
    path("auth/signup", users.SignUp.as_view()),
    path("cache/clear", pages.CacheClear.as_view()),
    path("cache/stats", pages.CacheStats.as_view()),
    path("checkins", checkins.Checkins.as_view()),
    path("checkins/last-values", checkins.LastValues.as_view()),
    path("checkins/questions", questions.Questions.as_view()),
    path("checkins/today", checkins.CheckinToday.as_view()),
    path("checkins/user/<str:user_id>", checkins.CheckinsOfUser.as_view()),
    path("checkins/<str:checkin_id>", checkins.OneCheckin.as_view()),
    path("checkins-test", pages.CheckinsTest.as_view()),
    path(
        "daily-checkin-enhanced",
        checkins.EnhancedCheckins.as_view(insight_of=insights.after_checkin),
    ),
    path("health", pages.Health.as_view()),
    path("health/detailed", pages.DetailedHealth.as_view()),
    path("insights", insights.Insights.as_view()),
    path("insights/daily", insights.DailyInsights.as_view()),
    path("insights/engagement", insights.Engagement.as_view()),
    path("insights/feedback", insights.Feedback.as_view()),
    path("insights/generate", insights.GeneratedInsights.as_view()),
    path("insights/micro", insights.MicroInsights.as_view()),
    path("users", users.SignUp.as_view()),
    path("users/baseline", users.Baseline.as_view()),
    path("users/complete-onboarding", users.CompleteOnboarding.as_view()),
    path("users/cycle-stage", users.CycleStage.as_view()),
    path("users/insight", insights.FirstInsight.as_view()),
    path("users/me", users.Me.as_view()),
    path("users/medication-status", users.MedicationStatus.as_view()),
    path("users/metrics", metrics.Metrics.as_view()),
    path("users/profile", users.Profile.as_view()),
]
