"""Every path of version 2, one line each."""

from django.urls import path

from accounts.api.v2 import auth
from analytics.api.v2 import analytics, summary
from assessments.api.v2 import assessments
from audit.api.v2 import access_log
from documents.api.v2 import content, documents, progress, search, webhooks
from flags.api.v2 import flags
from health.api.v2 import events, timeline
from insights.api.v2 import insights
from medications.api.v2 import medications
from ratelimits.api.v2 import limits

urlpatterns = [
    path("analytics", analytics.Analytics.as_view()),
    path("analytics/explain", analytics.Explanation.as_view()),
    path("assessments", assessments.Assessments.as_view()),
    path("assessments/due", assessments.DueAssessments.as_view()),
    path("assessments/<str:assessment>", assessments.Definition.as_view()),
    path("assessments/<str:assessment>/complete", assessments.Completions.as_view()),
    path("assessments/<str:assessment>/responses", assessments.Responses.as_view()),
    path("auth/login", auth.LogIn.as_view()),
    path("auth/password", auth.Password.as_view()),
    path("auth/refresh", auth.Refresh.as_view()),
    path("auth/revoke", auth.Revoke.as_view()),
    path("auth/signup", auth.SignUp.as_view()),
    path("documents", documents.Documents.as_view()),
    path("documents/<uuid:document_id>", documents.Document.as_view()),
    path("documents/<uuid:document_id>/cancel", documents.Cancellation.as_view()),
    path("documents/<uuid:document_id>/content", content.Content.as_view()),
    path("documents/<uuid:document_id>/content-link", content.ContentLink.as_view()),
    path("documents/<uuid:document_id>/retry", documents.Retry.as_view()),
    path("documents/progress-stream", progress.ProgressStream.as_view()),
    path("documents/search", search.Search.as_view()),
    path("flags", flags.Flags.as_view()),
    path("flags/<str:key>", flags.Flag.as_view()),
    path("health/daily-summary", summary.DailySummary.as_view()),
    path("health/event-types", timeline.EventTypes.as_view()),
    path("health/events", events.Events.as_view()),
    path("health/events/batch", events.EventBatch.as_view()),
    path("health/events/<uuid:event_id>", events.Event.as_view()),
    path("health/events/<uuid:event_id>/corrections", events.Corrections.as_view()),
    path("health/events/<uuid:event_id>/retractions", events.Retractions.as_view()),
    path("health/timeline", timeline.Timeline.as_view()),
    path("insights", insights.Insights.as_view()),
    path("insights/generate", insights.GeneratedInsights.as_view()),
    path("insights/<uuid:insight_id>", insights.Insight.as_view()),
    path("insights/<uuid:insight_id>/feedback", insights.Feedback.as_view()),
    path("insights/<uuid:insight_id>/interactions", insights.Interactions.as_view()),
    path("me", auth.Me.as_view()),
    path("me/access-log", access_log.AccessLog.as_view()),
    path("me/limits", limits.MyLimits.as_view()),
    path("medications", medications.Medications.as_view()),
    path("medications/adherence", medications.AdherenceReport.as_view()),
    path("medications/schedule", medications.Schedule.as_view()),
    path("medications/<uuid:medication_id>", medications.Medication.as_view()),
    path("medications/<uuid:medication_id>/doses", medications.Doses.as_view()),
    path("medications/<uuid:medication_id>/history", medications.History.as_view()),
    path("medications/<uuid:medication_id>/pause", medications.Pause.as_view()),
    path("medications/<uuid:medication_id>/resume", medications.Resume.as_view()),
    path("medications/<uuid:medication_id>/stop", medications.Stop.as_view()),
    path("status", timeline.Status.as_view()),
    path("webhooks/llama-parse/<uuid:job_id>", webhooks.LlamaParse.as_view()),
]
