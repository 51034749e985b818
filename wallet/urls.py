from django.urls import path

from wallet.views import reversal, statements, transfers

app_name = "wallet"

urlpatterns = [
    path("transfers/", transfers.list_, name="transfers"),
    path("transfers/export", transfers.export, name="transfers_export"),
    path("transfers/<int:pk>/", transfers.detail, name="transfer"),
    path("wallets/<int:pk>/statement/", statements.statement, name="statement"),
    path("wallets/<int:pk>/statement/csv", statements.statement_csv, name="statement_csv"),
    path("wallets/<int:pk>/statement/pdf", statements.statement_pdf, name="statement_pdf"),
    path("transfers/<int:pk>/reversal/", reversal.reversal, name="reversal"),
]
